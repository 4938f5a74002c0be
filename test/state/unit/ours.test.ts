import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { OURS } from '../../../src/state/ours.ts';
import { HOME } from '../../support/cli.ts';

const sources = (readdirSync(path.join(HOME, 'src'), { recursive: true }) as string[])
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(path.join(HOME, 'src', file), 'utf8'));

test('uninstall knows everything that the program puts into the state folder', () => {
  const written = sources.flatMap((text) => {
    const used = [...text.matchAll(/\bstate\.(?:at|readJson(?:<[^(]*>)?)\((?:'([\w.-]+)'|([A-Z_]+))/g)];
    const valueIn = (constant: string) => new RegExp(`^(?:export )?const ${constant} = '([^']+)';$`, 'm').exec(text)?.[1];
    return used.flatMap(([, name, constant = '']) => name ?? valueIn(constant) ?? []);
  });
  expect(new Set(written).size).toBeGreaterThan(15);
  expect([...new Set(written)].filter((name) => !OURS.includes(name)).sort()).toEqual([]);
});
