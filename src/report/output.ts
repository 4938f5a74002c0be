import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { statOptional, writeAtomic } from '../core/files.ts';
import { readingFix } from '../core/writing-fix.ts';
import { GENERATOR } from './draw/page.ts';

/** It says who made it within so many bytes. */
const HEAD_BYTES = 1024;

/**
 * Where a report goes: a file, or a folder that gets one of the day.
 * @param kind what its name says that it is, where it is given none @throws UserError FILE_UNUSABLE where something stands there that is no report of ours, unless `force`
 */
export function reportFile(context: Context, project: string, out: string | undefined, force: boolean, kind = 'report'): string {
  const name = `${project}-${kind}-${context.clock.now().toISOString().slice(0, 10)}.html`;
  const asked = path.resolve(context.cwd, out ?? name);
  const file = out !== undefined && statOptional(asked)?.isDirectory() ? path.join(asked, name) : asked;
  const stat = statOptional(file);
  if (!stat) return file;
  if (!stat.isFile()) throw unusable(file, 'is no file', 'choose another place with --out');
  if (!force && !isReport(file))
    throw unusable(file, 'is there already, and is no report of medianest', 'choose another place with --out, or replace it with --force');
  return file;
}

const unusable = (file: string, what: string, fix: string): UserError =>
  new UserError('FILE_UNUSABLE', `${file} ${what}; nothing was written`, fix, { path: file });

function isReport(file: string): boolean {
  try {
    const handle = openSync(file, 'r');
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      return head.toString('utf8', 0, readSync(handle, head, 0, HEAD_BYTES, 0)).includes(GENERATOR);
    } finally {
      closeSync(handle);
    }
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    throw unusable(file, `is there already, and cannot be read (${code})`, readingFix(code, 'its owner'));
  }
}

/** The page describes the stack: only its owner may read it. */
export const writeReport = (file: string, page: string): void => writeAtomic(file, page, 0o600, 'with --out');
