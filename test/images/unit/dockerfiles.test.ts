import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';

const dockerfiles = ['templates', 'test/support']
  .flatMap((folder) => (readdirSync(path.join(HOME, folder), { recursive: true }) as string[]).map((file) => path.join(folder, file)))
  .filter((file) => /(^|\/)Dockerfile[^/]*$/.test(file) && !file.includes('node_modules'))
  .sort();

/** Instructions that bring files from outside, each with its continued lines. */
const copies = (file: string): string[] =>
  readFileSync(path.join(HOME, file), 'utf8')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => /^\s*(COPY|ADD)\s/i.test(line));

it('finds them all', () => {
  expect(dockerfiles.length).toBeGreaterThan(12);
  expect(dockerfiles.flatMap(copies).length).toBeGreaterThan(20);
});

// The source may have been written under any umask, and the tag, a hash of it, does not name modes.
it.each(dockerfiles)('%s says the modes of what it copies, and lets every user read it', (file) => {
  for (const line of copies(file)) expect(line).toMatch(/^COPY (--from=\w+ )?--chmod=0(755|644) /);
});

it.each(dockerfiles)('%s lets every user enter the folders that it copies', (file) => {
  // The mode is that of folders too: X of symbolic modes is not known to every BuildKit.
  for (const line of copies(file).filter((text) => /\s[\w.-]+\/\s/.test(text))) expect(line).toContain('--chmod=0755');
});

it.each(dockerfiles.filter((file) => file.startsWith('templates/')))(
  '%s ends with no program that lends the rights of another user',
  (file) => {
    const lines = readFileSync(path.join(HOME, file), 'utf8').split('\n');
    const cleared = lines.indexOf('RUN find / -xdev -type f -perm /6000 -exec chmod ug-s {} +');
    expect(cleared).toBeGreaterThan(0);
    // Whatever may install or copy one comes before.
    expect(lines.slice(cleared + 1).filter((line) => /^(RUN|COPY|ADD)\b/.test(line))).toEqual([]);
  },
);
