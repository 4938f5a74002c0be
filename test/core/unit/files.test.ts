import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exists, ownership, readLink, readOptional, statOptional } from '../../../src/core/files.ts';
import { currentUser, userName } from '../../../src/core/user.ts';
import { unprivileged } from '../../support/command.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-files-'));
const at = (...parts: string[]) => path.join(root, ...parts);
const STRANGER = 54_321;

beforeAll(() => {
  chmodSync(root, 0o755);
  for (const folder of ['closed', 'closed/inner', 'theirs', 'theirs/inner']) mkdirSync(at(folder));
  for (const file of ['file', 'secret', 'closed/inner/file', 'theirs/inner/file']) writeFileSync(at(file), 'text');
  symlinkSync('nowhere', at('dangling'));
  symlinkSync('loop', at('loop'));
  symlinkSync('closed/inner/file', at('into'));
  chmodSync(at('secret'), 0o600);
  chownSync(at('theirs'), STRANGER, STRANGER);
  for (const folder of ['closed', 'theirs']) chmodSync(at(folder), 0o700);
});
afterAll(() => rmSync(root, { recursive: true }));

describe('whether something is there', () => {
  it.each([
    ['a file', 'file', true],
    ['a folder', 'closed', true],
    ['a link that leads nowhere', 'dangling', true],
    ['nothing', 'none', false],
    ['nothing in a folder that is missing', 'none/at/all', false],
    ['nothing below a file', 'file/below', false],
  ])('%s: %s', (_what, name, there) => {
    expect(exists(at(name))).toBe(there);
    expect(unprivileged(() => exists(at(name)))).toBe(there);
  });
  it.each([
    ['what is there', 'closed/inner/file'],
    ['what is not there', 'closed/inner/none'],
  ])('cannot be told by a user who may not look: %s', (_what, name) => {
    expect(() => unprivileged(() => exists(at(name)))).toThrow(
      expect.objectContaining({
        code: 'STATE_UNWRITABLE',
        message: `${at(name)} cannot be read (EACCES): ${at('closed')} belongs to root (uid 0)`,
        hint: 'run medianest as root',
        path: at(name),
      }),
    );
  });
  it('names an owner without a name by number, and root as a way', () => {
    expect(() => unprivileged(() => exists(at('theirs/inner/file')))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(`${at('theirs')} belongs to uid ${STRANGER}`),
        hint: `run medianest as uid ${STRANGER}, or as root`,
      }),
    );
  });
});

describe('what is read where it is there', () => {
  beforeAll(() => {
    execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', at('pipe')]);
    symlinkSync('/dev/zero', at('zero'));
  });
  it('may be a device that a person names, as a shell hands over what another program says', () => {
    expect(readOptional('/dev/null')).toBe('');
  });
  it('is empty where it leads to what has nothing in it, as a unit does that systemd masks', () => {
    symlinkSync('/dev/null', at('masked'));
    expect(readOptional(at('masked'))).toBe('');
  });
  const readers = [
    ['a text', readOptional],
    ['facts', statOptional],
    ['a link', readLink],
  ] as const;
  it.each(readers)('%s is undefined where nothing is there', (_what, read) => {
    expect([read(at('none')), read(at('file/below'))]).toEqual([undefined, undefined]);
  });
  it.each(readers)('%s is refused where that cannot be told', (_what, read) => {
    expect(() => unprivileged(() => read(at('closed/inner/file')))).toThrow(
      /inner\/file cannot be read \(EACCES\): .*closed belongs to root/,
    );
  });
  it('a file of another user is named with its own owner', () => {
    expect(() => unprivileged(() => readOptional(at('secret')))).toThrow(`${at('secret')} belongs to root (uid 0)`);
  });
  it('a link is followed, or read itself', () => {
    expect([statOptional(at('into'))?.isFile(), statOptional(at('dangling')), readLink(at('dangling')), readLink(at('file'))]).toEqual([
      true,
      undefined,
      'nowhere',
      undefined,
    ]);
    expect(() => unprivileged(() => statOptional(at('into')))).toThrow(/EACCES/);
  });
  it.each([
    ['links in a circle', () => statOptional(at('loop')), 'ELOOP', /disk is mounted and sound/],
    ['a name that is too long', () => exists(at('x'.repeat(300))), 'ENAMETOOLONG', /disk is mounted and sound/],
    ['a folder where a file should be', () => readOptional(at('closed')), 'EISDIR', /a folder stands where the file should be/],
    ['a pipe, which may have no end', () => readOptional(at('pipe')), 'ENXIO', /a pipe or a device stands where the file should be/],
    ['a link to a device', () => readOptional(at('zero')), 'ENXIO', /a pipe or a device stands/],
    ['a link to a file whose disk may be away', () => readOptional(at('dangling')), 'ENOLINK', /mount the disk that it leads to/],
  ])('%s are no absence', (_what, look, code, hint) => {
    expect(look).toThrow(expect.objectContaining({ message: expect.stringContaining(`(${code})`), hint: expect.stringMatching(hint) }));
  });
});

it('finds the owner of the nearest part that can be seen', () => {
  expect(unprivileged(() => ownership(at('theirs/inner/file')))).toEqual({
    path: at('theirs'),
    uid: STRANGER,
    user: undefined,
    owner: `uid ${STRANGER}`,
  });
  expect(ownership(at('closed/none'))).toMatchObject({ path: at('closed'), uid: 0, user: 'root', owner: 'root (uid 0)' });
});

it('knows users by their number', () => {
  expect([userName(0), userName(STRANGER)]).toEqual(['root', undefined]);
  expect(userName(process.getuid?.() ?? 0)).toBe(currentUser());
});
