import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const VALUES = [
  'yes # "q" & $ < ${X} {{y}}',
  '$$ $$$ ${X:-y} $(id)',
  ' spaces ',
  'two\nlines\n\nand an end\n',
  '\ttab\\n"\'',
  'é 漢 🦊 \u0085 \u2028 \ufeff',
  ...[
    'yes',
    'no',
    'on',
    'null',
    '~',
    'true',
    '1_000',
    '0b101',
    '0o17',
    '0x1F',
    '017',
    '+12',
    '.5',
    '1e3',
    '.inf',
    '12:30:45',
    '2001-01-01',
    '2001-01-01T00:00:00Z',
  ],
  ...['<<', '=', '- x', 'x: y', '#', '%', '@', '`', '*x', '&x', '!x', '|', '>', '[', '{', ',', ''],
];

/** What Compose itself makes of a file: the environment of one service. It prints `$` as it would have to be written again. */
async function environment(compose: string): Promise<Record<string, string>> {
  const dir = temporaryFolder('values');
  writeFileSync(path.join(dir, 'compose.yml'), compose);
  const { stdout, stderr } = await docker(['compose', '--file', path.join(dir, 'compose.yml'), 'config', '--format', 'json']);
  expect(stderr).toBe('');
  const app = (JSON.parse(stdout) as { services: Record<string, { environment: Record<string, string> }> }).services['app-1'];
  return Object.fromEntries(Object.entries(app?.environment ?? {}).map(([key, value]) => [key, value.replaceAll('$$', '$')]));
}

it('gives every value to Compose byte for byte, whatever YAML 1.1 would make of it', async () => {
  const env = Object.fromEntries(VALUES.map((value, i) => [`V${i}`, value]));
  const stack = stackOf(load({ file: `app: { env: ${JSON.stringify(env)} }`, flags: { profile: 'dev-compose' } }));
  const seen = await environment(rendered(stack).files[0]?.contents ?? '');
  expect(VALUES.map((_value, i) => seen[`V${i}`])).toEqual(VALUES);
});

it('gives names that YAML 1.1 takes for booleans to Compose as they are', async () => {
  const env = { NO: 'a', y: 'b', on: 'c', _1: 'd', True: 'e' };
  const stack = stackOf(load({ file: `app: { env: ${JSON.stringify(env)} }`, flags: { profile: 'dev-compose' } }));
  expect(await environment(rendered(stack).files[0]?.contents ?? '')).toMatchObject(env);
});
