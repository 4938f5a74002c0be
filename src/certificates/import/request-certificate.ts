import { mkdirSync } from 'node:fs';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { writeAtomic, writing } from '../../core/files.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { nameProblem } from '../../settings/certificate-fields.ts';
import { wantedSpec } from './import-certificate.ts';

export const KEY_TYPES = ['ec256', 'rsa2048', 'rsa3072', 'rsa4096'] as const;

export interface RequestOptions {
  name: string | undefined;
  /** Those of the settings where none are given. */
  names: string[] | undefined;
  /** Parts of the subject by their short names, such as `O`. */
  subject: Record<string, string>;
  keyType: (typeof KEY_TYPES)[number];
}

/** A request to a commercial CA: its key is made here, kept in the state folder, and found again by `certs import`. */
export async function requestCertificate(context: Context, { loaded, state }: Project, options: RequestOptions) {
  const stack = await describe(context, loaded);
  const spec = wantedSpec(stack, options.name);
  const names = options.names ?? spec.subjects;
  for (const name of names) {
    const why = nameProblem(name);
    if (why) throw new UserError('USAGE', `${name} ${why}`, 'correct --names');
  }
  // A common name has 64 characters at most; CAs take the alternative names.
  const subject = { ...options.subject, CN: (names[0] as string).slice(0, 64) };
  const { keyType: type } = options;
  if (context.flags.dryRun) return { name: spec.name, names, subject, request: null };
  return withLock(context, state, 'certs csr', async (_lock, record) => {
    record([spec.name, names]);
    const { ecKey, rsaKey, signRequest } = await import('../ca/x509.ts');
    const key = type === 'ec256' ? await ecKey() : await rsaKey(Number(type.slice(3)));
    const request = await signRequest(subject, names, key);
    const folder = state.at('certs', spec.name, 'request');
    writing(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
    writeAtomic(`${folder}/privkey.pem`, key.privateKey, 0o600);
    writeAtomic(`${folder}/request.pem`, request);
    return { name: spec.name, names, subject, request };
  });
}
