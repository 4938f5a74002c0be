import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists, writing } from '../../core/files.ts';
import { withLock } from '../../project/with-lock.ts';
import { caStore } from '../store/ca-store.ts';

export interface HandedOut {
  name: string;
  serial: string;
  file: string;
  notAfter: string;
  /** Only where it was made here. */
  password?: string;
}

/** A certificate for a person or a device, as a PKCS#12 file that only its owner may read. */
export async function handOut(
  context: Context,
  { loaded, state }: Project,
  name: string,
  options: { out?: string | undefined; days: number; passwordFile?: string | undefined },
): Promise<HandedOut> {
  const { days } = options;
  const file = path.resolve(context.cwd, options.out ?? `${name.replace(/[^\w.-]+/g, '-')}.p12`);
  if (exists(file)) throw new UserError('USAGE', `${file} is there already; nothing was changed`, 'choose another with --out');
  const given = options.passwordFile === undefined ? undefined : passwordIn(path.resolve(context.cwd, options.passwordFile));
  const password = given ?? randomBytes(15).toString('base64url');
  return withLock(context, state, 'certs issue', async (_lock, record) => {
    record(['client', name]);
    const { issueClient } = await import('../ca/client.ts');
    const { writePkcs12 } = await import('../ca/pkcs12.ts');
    const issued = await issueClient(caStore(state), loaded.settings.project, name, days, context.clock.now());
    const notAfter = caStore(state).load()?.issued?.[issued.serial]?.notAfter ?? '';
    writing(file, () => writeFileSync(file, writePkcs12(issued, name, password), { mode: 0o600, flag: 'wx', flush: true }), 'with --out');
    return { name, serial: issued.serial, file, notAfter, ...(given === undefined && { password }) };
  });
}

/** A password that stands in a file; one line end at its end is dropped. @throws UserError USAGE */
export function passwordIn(file: string): string {
  try {
    const text = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (text !== '') return text;
  } catch (error) {
    throw new UserError('USAGE', `the password’s file ${file} cannot be read`, 'create it (mode 0600), or correct its path', {
      cause: error,
    });
  }
  throw new UserError('USAGE', `the password’s file ${file} is empty`, 'write the password into it');
}
