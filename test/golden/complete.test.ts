import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../support/cli.ts';
import { CASES, load, rendered, stackOf } from '../support/settings.ts';

const folder = path.join(HOME, 'test/golden');
const below = (root: string) =>
  (readdirSync(path.join(folder, root), { recursive: true }) as string[])
    .filter((file) => statSync(path.join(folder, root, file)).isFile())
    .sort();

it.each(Object.keys(CASES))('keeps no file of %s that is not rendered any more', (name) => {
  expect(below(name)).toEqual(
    rendered(stackOf(load(CASES[name])))
      .files.map((file) => file.path)
      .sort(),
  );
});

it('keeps no folder of a profile that is gone', () => {
  expect(
    readdirSync(folder)
      .filter((name) => statSync(path.join(folder, name)).isDirectory())
      .sort(),
  ).toEqual(Object.keys(CASES).sort());
});
