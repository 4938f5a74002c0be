import { type KeyObject, X509Certificate } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { readOptional } from '../../core/files.ts';
import type { Project } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { prepare } from '../../reconcile/prepare.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { CertificateSpec, Stack } from '../../stack/types.ts';
import { activate } from '../activate.ts';
import { passwordIn } from '../authority/client-certificate.ts';
import { type Bundle, bundleOf, type Checked } from '../plan/import-check.ts';
import { activationOf } from '../plan/renewal-plan.ts';
import { installedSerial, pruneCertificates, writeCertificate } from '../store/install.ts';
import { completeChain } from './complete-chain.ts';

export interface ImportOptions {
  name: string | undefined;
  passwordFile: string | undefined;
  ca: string | undefined;
}

/** Takes over a certificate that was bought or made elsewhere: proven first, and then as any other. */
export async function importCertificate(context: Context, { loaded, state }: Project, files: readonly string[], options: ImportOptions) {
  const { stack } = await prepare(context, loaded, { unchecked: true });
  const spec = wantedSpec(stack, options.name);
  const password = options.passwordFile === undefined ? undefined : passwordIn(path.resolve(context.cwd, options.passwordFile));
  const request = readOptional(state.at('certs', spec.name, 'request', 'privkey.pem'));
  const bundles = [
    ...(await Promise.all(files.map((file) => readBundle(path.resolve(context.cwd, file), password)))),
    ...(request ? [bundleOf(request, undefined)] : []),
  ];
  const bundle: Bundle = {
    certificates: bundles.flatMap(({ certificates }) => certificates),
    keys: bundles.flatMap(({ keys }) => keys),
    locked: bundles.reduce((sum, { locked }) => sum + locked, 0),
  };
  const roots = knownRoots(options.ca === undefined ? undefined : path.resolve(context.cwd, options.ca));
  const checked = await completeChain(bundle, spec.subjects, context.clock.now(), roots, (url) =>
    context.report.note(`an intermediate is missing: asking ${url} for it`),
  );
  if (checked.problems.length > 0) throw refused(checked);
  const [leaf, ...chain] = checked.chain as [X509Certificate, ...X509Certificate[]];
  const outcome = {
    name: spec.name,
    serial: leaf.serialNumber,
    notAfter: new Date(leaf.validTo).toISOString(),
    chain: chain.map(({ subject }) => subject.replaceAll('\n', ', ')),
  };
  if (context.flags.dryRun) return { ...outcome, result: 'good' as const };
  const engine = await context.engine();
  const docker = await context.docker();
  await withLock(context, state, 'certs import', async (_lock, record) => {
    const containers = await engine.observe(stack.project);
    refuseForeign(stack.project, containers, state.root);
    record([spec.name, leaf.serialNumber]);
    const user = stack.services.find((service) => certificatesOf(service).some(({ name }) => name === spec.name));
    if (!user) return;
    const before = installedSerial(state, spec.name);
    const issued = {
      serial: leaf.serialNumber,
      certificate: leaf.toString(),
      chain: chain.map((certificate) => certificate.toString()).join(''),
      root: undefined,
      privateKey: (checked.key as KeyObject).export({ format: 'pem', type: 'pkcs8' }) as string,
    };
    await writeCertificate(state, spec.name, issued, { uid: user.uid, image: user.image.ref }, docker);
    const activation = activationOf(stack, spec, containers);
    await activate({ context, state, stack, engine, docker }, activation, leaf.serialNumber, before);
    pruneCertificates(state, spec.name, [leaf.serialNumber, before]);
    rmSync(state.at('certs', spec.name, 'request'), { recursive: true, force: true });
  });
  return { ...outcome, result: 'installed' as const };
}

/** @param name not needed where the settings import one alone */
export function wantedSpec(stack: Stack, name: string | undefined): CertificateSpec {
  const imported = stack.certificates.filter(({ issuer }) => issuer === 'imported');
  const found = name === undefined ? imported : imported.filter((spec) => spec.name === name);
  if (found.length === 1) return found[0] as CertificateSpec;
  throw new UserError(
    'USAGE',
    imported.length === 0
      ? 'no certificate is to be imported'
      : name === undefined
        ? `several certificates are to be imported: ${imported.map((spec) => spec.name).join(', ')}`
        : `${name} is not to be imported`,
    imported.length === 0
      ? 'set `edge.certificate: imported`, or a part of `edge.certificates`'
      : `--name with one of ${imported.map((spec) => spec.name).join(', ')}`,
  );
}

function refused({ problems }: Checked): UserError {
  const [first] = problems as [Checked['problems'][number], ...Checked['problems']];
  return new UserError(
    'CERTIFICATE_REFUSED',
    `${problems.map(({ kind, message }) => `${kind}: ${message}`).join('\n  ')}; nothing was changed`,
    problems.length === 1 ? first.fix : problems.map(({ kind, fix }) => `${kind}: ${fix}`).join('\n  '),
  );
}

/** PEM, DER or PKCS#12, whatever its name says. */
async function readBundle(file: string, password: string | undefined): Promise<Bundle> {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new UserError('USAGE', `${file} cannot be read (${systemCode(error)})`, 'correct its path', { cause: error });
  }
  // Windows writes UTF-16 with a byte-order mark too.
  const text = bytes[0] === 0xff && bytes[1] === 0xfe ? bytes.toString('utf16le') : bytes.toString('utf8');
  if (text.includes('-----BEGIN ')) return bundleOf(text, password);
  try {
    return { certificates: [new X509Certificate(bytes)], keys: [], locked: 0 };
  } catch {
    const { readPkcs12 } = await import('../ca/pkcs12.ts');
    const { certificates, keys } = readPkcs12(bytes, password ?? '');
    return bundleOf([...certificates, ...keys].join('\n'), undefined);
  }
}

function knownRoots(file: string | undefined): X509Certificate[] {
  const own = file === undefined ? undefined : readOptional(file);
  if (file !== undefined && !own?.includes('BEGIN CERTIFICATE'))
    throw new UserError('USAGE', `--ca ${file}: contains no certificate in PEM`, 'name the root certificate of your CA');
  return [...bundleOf(own ?? '', undefined).certificates, ...tls.rootCertificates.map((pem) => new X509Certificate(pem))];
}
