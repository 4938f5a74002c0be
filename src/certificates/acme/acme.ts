import { createPrivateKey, type X509Certificate } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { exists, readOptional, writeAtomic, writing } from '../../core/files.ts';
import { shortHash } from '../../core/hash.ts';
import type { DockerCli } from '../../docker/compose.ts';
import type { Engine } from '../../docker/types.ts';
import { buildImage } from '../../images/store/build-image.ts';
import type { AcmeSettings } from '../../settings/certificate-fields.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { CertificateSpec, ImageSpec } from '../../stack/types.ts';
import type { Lock } from '../../state/lock.ts';
import type { StateFolder } from '../../state/state.ts';
import type { IssuedCertificate } from '../ca/issuer.ts';
import { certificatesIn, chainFrom } from '../plan/chain.ts';
import { certificateFacts } from '../plan/renewal.ts';
import { type Directory, directoryUrl, readDirectory } from './directory.ts';
import { legoArgs } from './lego-args.ts';
import { preflight } from './preflight.ts';

export interface AcmeRun {
  context: Context;
  loaded: Loaded;
  state: StateFolder;
  engine: Engine;
  docker: DockerCli;
  lock: Lock;
  /** lego's. */
  image: ImageSpec;
}

export const acmeSettings = (loaded: Loaded): AcmeSettings => loaded.settings.certificates.acme;

/** The root that an ACME server's own certificate is checked by, where it is not the system's. */
export function acmeRoot(loaded: Loaded): string | undefined {
  const { root } = acmeSettings(loaded);
  if (root === undefined) return undefined;
  const file = path.resolve(loaded.root, root);
  const text = readOptional(file);
  if (text?.includes('BEGIN CERTIFICATE')) return text;
  throw new UserError(
    'INVALID_SETTINGS',
    `certificates.acme.root: ${file} ${text === undefined ? 'does not exist' : 'contains no certificate in PEM'}`,
    'correct the path',
  );
}

/** One folder for each directory, whatever its name: lego's account, its key, and what it was issued. */
const accountFolder = (state: StateFolder, url: string): string => state.at('acme', shortHash(url));

/** Overrides a certificate through lego in a container of its own. @throws UserError CERTIFICATE_FAILED in the CA's words */
export async function acmeIssue(run: AcmeRun, spec: CertificateSpec): Promise<IssuedCertificate> {
  const { context, state, docker, image } = run;
  const acme = acmeSettings(run.loaded);
  const ca = acmeRoot(run.loaded);
  const url = directoryUrl(acme.directory);
  const directory = await readDirectory(url, ca);
  refuseWrongClock(directory.time, context.clock.now());
  refuseUnknownProfile(acme, directory);
  const webroot = state.at('acme', 'webroot');
  if (acme.preflight) await preflight(spec.subjects, acme, directory, webroot);
  if ((await run.engine.missingImages([image.ref])).length > 0 && image.build) {
    await buildImage(image, context, docker, (line) => context.report.verbose(line));
  }
  const data = accountFolder(state, url);
  const hidden = state.at('acme', `run.${process.pid}`);
  writing(state.root, () => {
    for (const folder of [data, `${hidden}/env`]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    mkdirSync(webroot, { recursive: true, mode: 0o755 });
  });
  try {
    for (const [name, value] of Object.entries(hiddenVariables(acme))) writeAtomic(`${hidden}/env/${name}`, value, 0o600);
    if (ca) writeAtomic(`${hidden}/root.pem`, ca, 0o600);
    const network = await networkOf(run);
    const order = async (again: boolean) => {
      const wish = { acme, url, spec, again, data, hidden, webroot, network, image: image.ref, ca: ca !== undefined };
      const lines: string[] = [];
      const { exitCode } = await docker.run(legoArgs({ ...wish, edge: run.loaded.settings.edge as { address: string } }), {
        signal: context.signal,
        onStart: run.lock.noteChild,
        onLine: (line) => {
          lines.push(line);
          context.report.verbose(line);
        },
      });
      return { exitCode, lines };
    };
    let told = await order(canRenew(data, spec));
    // A server that has forgotten the account gets it again, with the same key.
    if (told.exitCode !== 0 && told.lines.some((line) => line.includes('accountDoesNotExist'))) {
      for (const file of accountsIn(data)) rmSync(file, { force: true });
      told = await order(false);
    }
    // Nor does it have to know what is replaced: it may have new intermediates, or have started from scratch (RFC 9773, 5).
    if (told.exitCode !== 0 && told.lines.some((line) => UNKNOWN_PREDECESSOR.test(line))) told = await order(false);
    if (told.exitCode !== 0) throw failed(spec, told.lines);
    return readIssued(data, spec);
  } finally {
    rmSync(hidden, { recursive: true, force: true });
  }
}

/** How a CA refuses that an order names the certificate that it replaces: alreadyReplaced, or in words (Boulder, pebble). */
const UNKNOWN_PREDECESSOR = /alreadyReplaced|\bARI\b/;

const HOUR = 3600 * 1000;

/** A certificate would be good from tomorrow on, or over already. */
function refuseWrongClock(theirs: Date, ours: Date): void {
  const off = ours.getTime() - theirs.getTime();
  if (Math.abs(off) < HOUR) return;
  const hours = Math.round(Math.abs(off) / HOUR);
  throw new UserError(
    'CERTIFICATE_FAILED',
    `this host’s clock is ${hours} hours ${off > 0 ? 'ahead of' : 'behind'} that of the ACME server; nothing was ordered`,
    'correct the clock (timedatectl set-ntp true)',
  );
}

/** A CA leaves out what it does not know, or refuses it after the names were proven. */
function refuseUnknownProfile({ profile }: AcmeSettings, { meta }: Directory): void {
  const known = Object.keys(meta?.profiles ?? {});
  if (!profile || known.includes(profile)) return;
  throw new UserError(
    'CERTIFICATE_FAILED',
    `certificates.acme.profile: this CA offers no profile ${profile}; nothing was ordered`,
    known.length > 0 ? `choose one of ${known.join(', ')}` : 'it offers none at all: leave the setting out',
  );
}

/** Credentials as files that lego's wrapper reads: in no argument, in nothing that `docker inspect` shows. */
function hiddenVariables(acme: AcmeSettings): Record<string, string> {
  const lines = (acme.dns.credentials?.reveal() ?? '').split(/\r?\n/).filter((line) => line.trim() !== '' && !line.trim().startsWith('#'));
  const pairs = lines.map((line, index) => {
    const [, name, value] = /^\s*(?:export\s+)?([A-Z][A-Z0-9_]*)=(.*)$/.exec(line) ?? [];
    if (name) return [name, (value as string).replace(/^(["'])(.*)\1$/, '$2')];
    throw new UserError(
      'INVALID_SETTINGS',
      `certificates.acme.dns.credentials: line ${index + 1} is not NAME=value`,
      'write what lego’s page of your provider lists, one variable a line',
    );
  });
  const { kid, hmac } = acme.eab;
  return { ...Object.fromEntries(pairs), ...(kid && hmac && { LEGO_EAB: 'true', LEGO_EAB_KID: kid, LEGO_EAB_HMAC: hmac.reveal() }) };
}

/** That of the edge, which leads outside; Docker's own before anything runs. */
async function networkOf({ engine, loaded }: AcmeRun): Promise<string> {
  const name = `${loaded.settings.project}_dmz`;
  return (await engine.networks()).some((network) => network.name === name) ? name : 'bridge';
}

const legoName = (spec: CertificateSpec): string => (spec.subjects[0] as string).replace('*', '_');

/** What lego knows of its accounts, the key apart. */
const accountsIn = (data: string): string[] =>
  exists(`${data}/accounts`)
    ? readdirSync(`${data}/accounts`, { recursive: true, encoding: 'utf8' })
        .filter((name) => path.basename(name) === 'account.json')
        .map((name) => path.join(data, 'accounts', name))
    : [];

/** lego renews only what it has completely and for the same names; anything else is a new order. */
function canRenew(data: string, spec: CertificateSpec): boolean {
  try {
    if (accountsIn(data).length === 0) return false;
    const pem = readFileSync(`${data}/certificates/${legoName(spec)}.crt`, 'utf8');
    createPrivateKey(readFileSync(`${data}/certificates/${legoName(spec)}.key`));
    JSON.parse(readFileSync(`${data}/certificates/${legoName(spec)}.json`, 'utf8'));
    const { subjects } = certificateFacts(pem);
    return subjects.length === spec.subjects.length && spec.subjects.every((name) => subjects.includes(name));
  } catch {
    return false;
  }
}

function readIssued(data: string, spec: CertificateSpec): IssuedCertificate {
  const read = (ending: string) => readFileSync(`${data}/certificates/${legoName(spec)}.${ending}`, 'utf8');
  const pem = read('crt');
  const [leaf, ...others] = certificatesIn(pem);
  if (!leaf)
    throw new UserError(
      'CERTIFICATE_FAILED',
      `lego wrote no certificate for ${spec.name}; the old one stays`,
      'medianest certs issue again',
    );
  const [, ...chain] = chainFrom(leaf, others);
  const text = (certificate: X509Certificate) => certificate.toString();
  return { serial: leaf.serialNumber, certificate: text(leaf), chain: chain.map(text).join(''), root: undefined, privateKey: read('key') };
}

/** lego's last words, without its time stamps and its advice. */
function failed(spec: CertificateSpec, lines: readonly string[]): UserError {
  const said = lines
    .filter((line) => !line.includes('[INFO]') && /error|could not|problem|429|denied|refused|invalid|failed|no such|unable/i.test(line))
    .map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, '').trim())
    .slice(-3);
  return new UserError(
    'CERTIFICATE_FAILED',
    `no certificate for ${spec.subjects.join(', ')}: ${said.join(' | ') || lines.at(-1) || 'no answer'}`,
    'correct what the CA says; `medianest certs status` tells when the next attempt is made',
  );
}
