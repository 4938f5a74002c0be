import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { exists, writing } from '../../core/files.ts';
import type { Project } from '../../project/open.ts';
import { withLock } from '../../project/with-lock.ts';
import { describe } from '../../reconcile/prepare.ts';
import { refuseForeign } from '../../reconcile/refuse-foreign.ts';
import { reloadTrust } from '../activate.ts';
import { type CaRecord, trustedRoots } from '../ca/ca-record.ts';
import { renew } from '../renew.ts';
import { caStore } from '../store/ca-store.ts';
import { passwordIn } from './client-certificate.ts';
import { type TrustOutcome, trustRoots, untrustRoots } from './trust-stores.ts';

interface Outcome {
  data: unknown;
  text: string;
  status?: number;
}

export interface CaOptions {
  passphraseFile: string | undefined;
  /** export: the key leaves this host. */
  remove: boolean;
  /** rotate: a new root too. */
  root: boolean;
  /** rotate: the old root is trusted no longer. */
  finish: boolean;
}

type Action = (context: Context, project: Project, file: string | undefined, options: CaOptions) => Promise<Outcome>;

/** The internal CA as `certs ca` shows and changes it. */
export const caActions = {
  show: async (_context, { state }) => {
    const ca = requireCa(caStore(state).load());
    const data = describeCa(ca);
    const lines = [
      ...data.roots.map(
        (root) => `root          ${root.subject}, until ${root.notAfter.slice(0, 10)}\n              SHA-256 ${root.fingerprint}`,
      ),
      `its key       ${data.keyOnHost ? 'on this host (certs ca export FILE --remove takes it off)' : 'kept elsewhere'}`,
      ...(data.intermediate ? [`intermediate  ${data.intermediate.subject}, until ${data.intermediate.notAfter.slice(0, 10)}`] : []),
      `revoked       ${data.revoked}`,
      ...(data.rotating ? ['two roots are trusted; once every device trusts the first: medianest certs ca rotate --finish'] : []),
      `file          ${state.at('ca', 'root.crt')}`,
    ];
    return { data: { ...data, file: state.at('ca', 'root.crt') }, text: lines.join('\n') };
  },
  export: exportRoot,
  import: importRoot,
  trust: async (context, { loaded, state }) => {
    const ca = requireCa(caStore(state).load());
    const result = await trustRoots(context, loaded.settings.project, trustedRoots(ca));
    return told(result, phones(state.at('ca', 'root.crt')));
  },
  untrust: async (context, { loaded }) => {
    const result = await untrustRoots(context, loaded.settings.project);
    return result.done.length + result.left.length > 0 ? told(result, []) : { data: result, text: 'no store had it' };
  },
  rotate,
} satisfies Record<string, Action>;

/** Where something is left to do by hand, it says so by its exit status too. */
const told = (result: TrustOutcome, more: readonly string[]): Outcome => ({
  data: result,
  text: [...result.done, ...result.left.map((text) => `not done: ${text}`), ...more].join('\n'),
  status: result.left.length === 0 ? EXIT.done : result.done.length > 0 ? EXIT.partial : EXIT.failed,
});

function requireCa(ca: CaRecord | undefined): CaRecord {
  if (ca) return ca;
  throw new UserError('NOT_RUNNING', 'there is no internal CA yet: it is made with the first certificate', 'medianest up');
}

function describeCa(ca: CaRecord) {
  const facts = (pem: string) => {
    const { subject, validTo, fingerprint256 } = new X509Certificate(pem);
    return { subject: subject.replaceAll('\n', ', '), notAfter: new Date(validTo).toISOString(), fingerprint: fingerprint256 };
  };
  return {
    roots: trustedRoots(ca).map(facts),
    intermediate: ca.intermediate ? facts(ca.intermediate.certificate) : null,
    keyOnHost: ca.privateKey !== undefined,
    rotating: (ca.previous?.length ?? 0) > 0,
    revoked: ca.revoked?.length ?? 0,
  };
}

async function passphrase(context: Context, options: CaOptions): Promise<string> {
  const text =
    options.passphraseFile === undefined
      ? await context.ask('Passphrase of the root’s key: ')
      : passwordIn(path.resolve(context.cwd, options.passphraseFile));
  if (text !== undefined && text.length >= 12) return text;
  throw new UserError(
    'USAGE',
    text === undefined
      ? 'there is no terminal to ask for the passphrase'
      : 'the passphrase has fewer than 12 characters: anyone who finds the file could guess it',
    'write it into a file (mode 0600) and give --passphrase-file FILE',
  );
}

function requireFile(context: Context, file: string | undefined, action: string): string {
  if (file !== undefined) return path.resolve(context.cwd, file);
  throw new UserError('USAGE', `certs ca ${action}: names no file`, `for example medianest certs ca ${action} root-key.pem`);
}

function rootOf(found: CaRecord | undefined) {
  const ca = requireCa(found);
  const { certificate, privateKey } = ca;
  if (privateKey) return { ca, certificate, privateKey };
  throw new UserError('CERTIFICATE_FAILED', 'the root’s key is not on this host', 'it was exported before: keep that file');
}

async function exportRoot(...[context, { state }, name, options]: Parameters<Action>): Promise<Outcome> {
  const file = requireFile(context, name, 'export');
  rootOf(caStore(state).load());
  if (exists(file)) throw new UserError('USAGE', `${file} is there already; nothing was changed`, 'choose another name');
  const secret = await passphrase(context, options);
  return withLock(context, state, 'certs ca export', async (_lock, record) => {
    // The CA may have changed while the passphrase was typed.
    const { ca, certificate, privateKey } = rootOf(caStore(state).load());
    record(['export', options.remove]);
    const { sealRoot } = await import('../ca/pkcs12.ts');
    writing(
      file,
      () => writeFileSync(file, sealRoot({ certificate, privateKey }, secret), { mode: 0o600, flag: 'wx', flush: true }),
      'as FILE',
    );
    // Read back, before what cannot be made again is taken away.
    if (!openSealed(readFileSync(file, 'utf8'), secret).equals(createPrivateKey(privateKey)))
      throw new Error('the exported key is not the root’s');
    const removed = options.remove;
    if (removed) {
      const { removeRootKey } = await import('../ca/ca-changes.ts');
      removeRootKey(caStore(state), ca);
    }
    const text = removed
      ? `${file} contains the root and its key; the key is no longer on this host. Keep the file and its passphrase apart from it`
      : `${file} contains the root and its key; --remove would remove the key from this host`;
    return { data: { file, removed }, text };
  });
}

function openSealed(text: string, secret: string) {
  try {
    return createPrivateKey({ key: text, passphrase: secret });
  } catch (error) {
    throw new UserError(
      'CERTIFICATE_REFUSED',
      'the passphrase does not open the key; nothing was changed',
      'give the one that it was exported with',
      { cause: error },
    );
  }
}

async function importRoot(...[context, { state }, name, options]: Parameters<Action>): Promise<Outcome> {
  const file = requireFile(context, name, 'import');
  const text = readFileSync(file, 'utf8');
  const key = openSealed(text, await passphrase(context, options));
  return withLock(context, state, 'certs ca import', async (_lock, record) => {
    record(['import']);
    const { restoreRootKey } = await import('../ca/ca-changes.ts');
    const certificate = new X509Certificate(text).toString();
    restoreRootKey(caStore(state), { certificate, privateKey: key.export({ format: 'pem', type: 'pkcs8' }) as string });
    return { data: { imported: true }, text: 'the root’s key is on this host again (certs ca export FILE --remove takes it off)' };
  });
}

async function rotate(...[context, project, , options]: Parameters<Action>): Promise<Outcome> {
  const { loaded, state } = project;
  const { project: name } = loaded.settings;
  const stack = await describe(context, loaded);
  const what = options.finish
    ? 'the old root is trusted no longer'
    : options.root
      ? 'a new root, trusted beside the old one'
      : 'a new intermediate';
  if (context.flags.dryRun) return { data: { rotated: what }, text: `would make: ${what}` };
  const engine = await context.engine();
  const docker = await context.docker();
  await withLock(context, state, 'certs ca rotate', async (_lock, record) => {
    refuseForeign(stack.project, await engine.observe(stack.project), state.root);
    record([what]);
    const { finishRotation, rotateIntermediate, rotateRoot } = await import('../ca/ca-changes.ts');
    const store = caStore(state);
    const now = context.clock.now();
    if (options.finish) await finishRotation(store, now);
    else if (options.root) await rotateRoot(store, name, now);
    else await rotateIntermediate(store, name, now);
    await reloadTrust({ context, state, stack, engine, docker });
  });
  const own = stack.certificates.filter(({ issuer }) => issuer === 'internal-ca').map(({ name }) => name);
  // What the old root signed has been replaced when the rotation began.
  const asked = options.finish ? { names: [], force: false } : { names: own, force: true };
  const { certificates } = await renew(context, project, { ...asked, command: 'certs ca rotate' }, stack);
  const next =
    options.root && !options.finish
      ? ['tell every device to trust the new root (certs ca trust), then: medianest certs ca rotate --finish']
      : [];
  return {
    data: { rotated: what, certificates },
    text: [`done: ${what}`, ...certificates.map(({ name, action, cause }) => `${name}: ${action} (${cause})`), ...next].join('\n'),
  };
}

const phones = (file: string): string[] => [
  `iPhone, iPad: send yourself ${file}, open it, install it under Settings > General > VPN & Device Management, then switch it on under About > Certificate Trust Settings`,
  'Android: copy it to the device, then Settings > Security > Encryption & credentials > Install a certificate > CA certificate',
  'Windows: double-click it, Install Certificate, Local Machine, Trusted Root Certification Authorities',
];
