import { mkdirSync, rmSync } from 'node:fs';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { writeAtomic, writing } from '../../core/files.ts';
import { shortHash } from '../../core/hash.ts';
import type { DockerCli } from '../../docker/compose.ts';
import type { Engine } from '../../docker/types.ts';
import { buildImage } from '../../images/store/build-image.ts';
import type { AcmeSettings } from '../../settings/certificate-fields.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { CertificateSpec, ImageSpec } from '../../stack/types.ts';
import type { Lock } from '../../state/lock.ts';
import type { StateFolder } from '../../state/state.ts';
import type { IssuedCertificate, Issuer } from '../ca/issuer.ts';
import { directoryUrl, readDirectory } from './directory.ts';
import { legoArgs } from './lego-args.ts';
import { accountFiles, canRenew, readIssued } from './lego-files.ts';
import { UNKNOWN_ACCOUNT, UNKNOWN_PREDECESSOR } from './lego-refusals.ts';
import { checkServer, preflight } from './preflight.ts';
import { acmeRoot, acmeSettings } from './settings.ts';

/** What an order needs: the settings, where its account is kept, and lego in a container. */
export interface AcmeContext {
  context: Context;
  loaded: Loaded;
  state: StateFolder;
  engine: Engine;
  docker: DockerCli;
  lock: Pick<Lock, 'noteChild'>;
  /** lego's. */
  image: ImageSpec;
}

/** Orders certificates from an ACME server (RFC 8555) through lego, in a container of its own. */
export const acmeIssuer = (run: AcmeContext): Issuer => ({
  name: 'acme',
  issue: (spec, now) => issue(run, spec, now),
});

/** @throws UserError CERTIFICATE_FAILED in the CA's words */
async function issue(run: AcmeContext, spec: CertificateSpec, now: Date): Promise<IssuedCertificate> {
  const { state, loaded } = run;
  const acme = acmeSettings(loaded);
  const ca = acmeRoot(loaded);
  const url = directoryUrl(acme.directory);
  const directory = await readDirectory(url, ca);
  checkServer(acme, directory, now);
  const webroot = state.at('acme', 'webroot');
  if (acme.preflight) await preflight(spec.subjects, acme, directory, webroot);
  await requireLego(run);
  // One folder for each directory: lego's account, its key, and what it was issued.
  const data = state.at('acme', shortHash(url));
  const hidden = state.at('acme', `run.${process.pid}`);
  writing(state.root, () => {
    for (const folder of [data, `${hidden}/env`]) mkdirSync(folder, { recursive: true, mode: 0o700 });
    mkdirSync(webroot, { recursive: true, mode: 0o755 });
  });
  try {
    for (const [name, value] of Object.entries(hiddenVariables(acme))) writeAtomic(`${hidden}/env/${name}`, value, 0o600);
    if (ca) writeAtomic(`${hidden}/root.pem`, ca, 0o600);
    const edge = loaded.settings.edge as { address: string };
    const network = await networkFor(run);
    const wish = { acme, url, spec, data, hidden, webroot, network, image: run.image.ref, ca: ca !== undefined, edge };
    await order(spec, data, (again) => runLego(run, legoArgs({ ...wish, again })));
    return readIssued(data, spec);
  } finally {
    rmSync(hidden, { recursive: true, force: true });
  }
}

async function requireLego({ context, engine, docker, image }: AcmeContext): Promise<void> {
  if ((await engine.missingImages([image.ref])).length === 0 || !image.build) return;
  await buildImage(image, context, docker, (line) => context.report.verbose(line));
}

interface LegoRun {
  exitCode: number;
  lines: string[];
}

async function runLego({ context, docker, lock }: AcmeContext, args: readonly string[]): Promise<LegoRun> {
  const lines: string[] = [];
  const { exitCode } = await docker.run([...args], {
    signal: context.signal,
    // The ACME server and the DNS provider are outside.
    proxies: true,
    onStart: lock.noteChild,
    onLine: (line) => {
      lines.push(line);
      context.report.verbose(line);
    },
  });
  return { exitCode, lines };
}

/** Runs lego, and again if the server no longer knows the account or the certificate to replace. */
async function order(spec: CertificateSpec, data: string, lego: (again: boolean) => Promise<LegoRun>): Promise<void> {
  let again = canRenew(data, spec);
  let last = await lego(again);
  const refusedFor = (pattern: RegExp) => last.exitCode !== 0 && last.lines.some((line) => pattern.test(line));
  // Without its file lego registers the account again, with the same key.
  if (refusedFor(UNKNOWN_ACCOUNT)) {
    for (const file of accountFiles(data)) rmSync(file, { force: true });
    again = false;
    last = await lego(again);
  }
  // The server may have new intermediates, or have lost its data (RFC 9773, 5).
  if (again && refusedFor(UNKNOWN_PREDECESSOR)) last = await lego(false);
  if (last.exitCode !== 0) throw refusal(spec, last.lines);
}

/** Credentials as files that lego's wrapper reads: they appear in no argument, and `docker inspect` does not show them. */
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

/** The edge's network, once it leads outside; Docker's default bridge before, as on the way from the internal CA to ACME. */
async function networkFor({ engine, loaded }: AcmeContext): Promise<string> {
  const name = `${loaded.settings.project}_dmz`;
  return (await engine.networks()).some((network) => network.name === name && network.outbound) ? name : 'bridge';
}

/** lego's last words, without its time stamps and its advice. */
function refusal(spec: CertificateSpec, lines: readonly string[]): UserError {
  const said = lines
    .filter((line) => !line.includes('[INFO]') && /error|could not|problem|429|denied|refused|invalid|failed|no such|unable/i.test(line))
    .map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, '').trim())
    .slice(-3);
  return new UserError(
    'CERTIFICATE_FAILED',
    `no certificate for ${spec.subjects.join(', ')}: ${said.join(' | ') || lines.at(-1) || 'no answer'}`,
    'correct what the CA says; `medianest certs status` shows when the next attempt is made',
  );
}
