import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { folder } from '../../support/command.ts';

const PROFILES = readdirSync(path.join(HOME, 'profiles')).map((file) => path.parse(file).name);

it.each(PROFILES)('the profile %s says what its file says, although the build has parsed it', async (name) => {
  const own = folder(`profile: ${name}\n`);
  const ask = (args: string[]) => own.run(['config', 'show', '--json', ...args]);
  const faulty = ['--set', 'nothing.such=1'];
  const [shipped, refused] = [await ask([]), await ask(faulty)];
  // With a comment it is another text, which the program parses itself.
  mkdirSync(path.join(own.dir, 'profiles'));
  for (const profile of PROFILES) {
    const text = readFileSync(path.join(HOME, `profiles/${profile}.yml`), 'utf8');
    writeFileSync(path.join(own.dir, `profiles/${profile}.yml`), `${text}# mine\n`);
  }
  // `dr` alone needs settings beside it: then its error has to be the same.
  expect(shipped.status).toBe(name === 'dr' ? 1 : 0);
  expect(await ask([])).toEqual(shipped);
  expect(await ask(faulty)).toEqual(refused);
});
