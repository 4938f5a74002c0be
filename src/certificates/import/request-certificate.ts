import { mkdirSync } from 'node:fs';
import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { writeAtomic, writing } from '../../core/files.ts';
import { withLock } from '../../project/with-lock.ts';
import { prepare } from '../../reconcile/prepare.ts';
import { nameProblem } from '../../settings/certificate-fields.ts';
import { wantedSpec } from './import-certificate.ts';

const FIELDS = { organization: 'O', unit: 'OU', country: 'C', province: 'ST', locality: 'L' } as const;

/** A request to a commercial CA: its key is made here, kept in the state folder, and found again by `certs import`. */
export async function requestCertificate(context: Context, { loaded, state }: Project, options: Record<string, unknown>) {
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const spec = wantedSpec(stack, options.name);
  const names =
    options.names === undefined
      ? spec.subjects
      : String(options.names)
          .split(',')
          .map((name) => name.trim());
  for (const name of names) {
    const why = nameProblem(name);
    if (why) throw new UserError('USAGE', `${name} ${why}`, 'correct --names');
  }
  const { country } = options;
  if (country !== undefined && !/^[A-Z]{2}$/.test(String(country)))
    throw new UserError('USAGE', `--country ${country}: should be two letters`, 'for example --country DE');
  const subject: Record<string, string> = {};
  for (const [option, field] of Object.entries(FIELDS)) if (options[option] !== undefined) subject[field] = String(options[option]);
  // A common name has 64 characters at most; CAs take the alternative names.
  subject.CN = (names[0] as string).slice(0, 64);
  const type = String(options.keyType ?? 'ec256');
  if (!/^(ec256|rsa(2048|3072|4096))$/.test(type))
    throw new UserError('USAGE', `--key-type ${type}: should be ec256, rsa2048, rsa3072 or rsa4096`, 'for example --key-type rsa3072');
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
