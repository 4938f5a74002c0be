import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';

const SCRIPT = path.join(HOME, 'templates/backup/image/swap-database');
let members: string;
const at = (...parts: string[]) => path.join(members, ...parts);
const put = (folder: string, text: string) => {
  mkdirSync(at(folder), { recursive: true });
  writeFileSync(at(folder, 'data'), text);
};
const swap = (...args: string[]) => execFileSync('bash', [SCRIPT, ...args], { env: { ...process.env, MEMBERS: members }, stdio: 'pipe' });
/** Folder -> whose data it holds. */
const held = (member: string) =>
  Object.fromEntries(
    readdirSync(at(member))
      .filter((name) => name.startsWith('17'))
      .map((name) => [name, readFileSync(at(member, name, 'data'), 'utf8')]),
  );

beforeEach(() => {
  members = mkdtempSync(path.join(os.tmpdir(), 'medianest-swap-'));
  put('postgres-1/17', 'old');
  put('postgres-1/17.restored', 'new');
  put('postgres-1/17.before', 'stale');
  put('postgres-2/17', 'old');
  put('postgres-2/17.before', 'of an earlier one');
});
afterEach(() => rmSync(members, { recursive: true }));

describe('a restored database takes the place of the one that was', () => {
  it('which stays beside it, and the others have none', () => {
    swap('postgres-1', 'restored');
    expect([held('postgres-1'), held('postgres-2')]).toEqual([{ '17': 'new', '17.before': 'old' }, {}]);
    swap('postgres-1', 'before');
    expect(held('postgres-1')).toEqual({ '17': 'old', '17.undone': 'new' });
  });
  it('twice is once', () => {
    swap('postgres-1', 'restored');
    swap('postgres-1', 'restored');
    expect(held('postgres-1')).toEqual({ '17': 'new', '17.before': 'old' });
  });
  it('killed between the two renames, it goes on, or back', () => {
    const killed = () => {
      rmSync(at('postgres-1/17.before'), { recursive: true });
      renameSync(at('postgres-1/17'), at('postgres-1/17.before'));
    };
    killed();
    swap('postgres-1', 'restored', 'back');
    expect(held('postgres-1')).toEqual({ '17': 'old', '17.restored': 'new' });
    put('postgres-1/17.before', 'stale');
    killed();
    swap('postgres-1', 'restored');
    expect(held('postgres-1')).toEqual({ '17': 'new', '17.before': 'old' });
  });
  it('going back never takes what an earlier restore had put aside', () => {
    swap('postgres-1', 'restored', 'back');
    expect(held('postgres-1')).toEqual({ '17': 'old', '17.restored': 'new', '17.before': 'stale' });
    swap('postgres-1', 'restored');
    swap('postgres-1', 'restored', 'back');
    expect(held('postgres-1')).toEqual({ '17': 'old', '17.restored': 'new' });
  });
  it('without a restored one nothing is touched', () => {
    rmSync(at('postgres-1/17.restored'), { recursive: true });
    rmSync(at('postgres-1/17.before'), { recursive: true });
    expect(() => swap('postgres-1', 'restored')).toThrow(/there is no 17.restored/);
    expect(existsSync(at('postgres-2/17'))).toBe(true);
  });
});
