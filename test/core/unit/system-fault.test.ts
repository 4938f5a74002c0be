import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { explained } from '../../../src/core/system-fault.ts';
import { unprivileged } from '../../support/command.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-fault-'));
const at = (...parts: string[]) => path.join(root, ...parts);
beforeAll(() => {
  chmodSync(root, 0o755);
  mkdirSync(at('closed'), { mode: 0o700 });
  writeFileSync(at('closed', 'file'), 'x', { mode: 0o600 });
  writeFileSync(at('file'), 'x');
});
afterAll(() => rmSync(root, { recursive: true }));

const thrown = (work: () => unknown): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it did not fail');
};
/** As the kernel's own errors come from Node.js, for disks that a test cannot have. */
const kernel = (code: string, more: object) => Object.assign(new Error(`${code}: as Node says it`), { code, syscall: 'write', ...more });

describe('a system call that failed', () => {
  it.each<[string, () => unknown, RegExp, RegExp]>([
    ['a file that is missing', () => readFileSync(at('none')), /none does not exist \(ENOENT\)/, /create it, or correct/],
    ['a path below a file', () => readFileSync(at('file/x')), /has a file in its path where a folder should be/, /move that file/],
    ['a folder where a file should be', () => readFileSync(root), /./, /move it away/],
    [
      'a program that is not there',
      () => {
        throw spawnSync(at('none'), []).error;
      },
      /the program .*none cannot be started/,
      /install it/,
    ],
    [
      'a full disk',
      () => {
        throw kernel('ENOSPC', { path: '/srv/x' });
      },
      /\/srv\/x cannot be written: the disk is full/,
      /free some space/,
    ],
    [
      'a full disk, without a path',
      () => {
        throw kernel('ENOSPC', {});
      },
      /a file cannot be written: the disk is full/,
      /free some space/,
    ],
    [
      'a read-only disk',
      () => {
        throw kernel('EROFS', { path: '/srv/x' });
      },
      /file system is read-only/,
      /mount it writable/,
    ],
    [
      'what the kernel forbids',
      () => {
        throw kernel('EPERM', { path: at('file') });
      },
      /file cannot be used \(EPERM\): .* belongs to /,
      /run medianest as/,
    ],
    [
      'a working folder that is gone',
      () => {
        throw kernel('ENOENT', { syscall: 'uv_cwd' });
      },
      /the working folder cannot be used/,
      /cd to another folder/,
    ],
  ])('is told as a person can act on it: %s', (_what, work, message, hint) => {
    const error = thrown(work);
    expect(explained(error)).toBeInstanceOf(UserError);
    expect(explained(error)).toMatchObject({
      code: 'FILE_UNUSABLE',
      message: expect.stringMatching(message),
      hint: expect.stringMatching(hint),
      cause: error,
    });
  });

  it.each([
    ['a file', () => readFileSync(at('closed/file'))],
    ['a folder', () => readdirSync(at('closed'))],
  ])('names the owner of %s that another user has', (_what, work) => {
    expect(unprivileged(() => explained(thrown(work)))).toMatchObject({
      code: 'FILE_UNUSABLE',
      message: expect.stringMatching(/closed(\/file)? cannot be used \(EACCES\): .*closed belongs to root \(uid 0\)$/),
      hint: 'run medianest as root',
    });
  });

  it('stays what it is where it is told already, or is no such thing', () => {
    const known = new UserError('USAGE', 'm', 'h');
    const others = [
      known,
      new TypeError('x is not a function'),
      kernel('ECONNREFUSED', { syscall: 'connect' }),
      Object.assign(new Error('m'), { code: 'ENOENT' }),
      'text',
      undefined,
    ];
    for (const error of others) expect(explained(error)).toBe(error);
  });
});
