import { rmSync } from 'node:fs';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, readOptional, writeAtomic } from '../core/files.ts';
import { withLock } from '../project/with-lock.ts';
import { converge } from '../reconcile/converge.ts';
import { describe, prepare } from '../reconcile/prepare.ts';
import { certificatesOf } from '../stack/certificates.ts';
import type { CertificateSpec, Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import { acmeRoot, acmeSettings } from './acme/acme.ts';
import { renewalAsked } from './acme/renewal-info.ts';
import { activate } from './activate.ts';
import { acquire } from './issue.ts';
import { afterFailure, mayTry } from './plan/back-off.ts';
import { type CertificateRow, certificateMetrics } from './plan/certificate-report.ts';
import { certificateFacts } from './plan/renewal.ts';
import { installedCertificate, installedSerial, placeCertificate, pruneCertificates } from './store/install.ts';
import { writeStaple } from './store/staple.ts';
import { attemptsOf, closeKeys, viewCertificates } from './view.ts';

export interface Renewal {
  name: string;
  action: 'kept' | 'renewed' | 'taken-up' | 'waits' | 'failed' | 'due';
  cause: string;
  serial: string | null;
  notAfter: string | null;
  nextTry?: string;
}

export interface RenewAsked {
  /** Only these; all where empty. */
  names: readonly string[];
  /** Also what is not due, and before the end of a wait. */
  force: boolean;
  /** As the audit log names it. */
  command: string;
}

interface Due {
  spec: CertificateSpec;
  cause: string;
  /** It is installed, and only not served yet. */
  placed: boolean;
}

/**
 * Renews what is due and says what is not. Safe at any time: what is installed is switched as a pair, and what is not
 * served after all is rolled back.
 */
export async function renew(context: Context, opened: Project, asked: RenewAsked): Promise<{ certificates: Renewal[] }> {
  const { loaded, state } = opened;
  const engine = await context.engine();
  const look = async () => {
    const stack = await describe(context, loaded);
    const wanted = chosen(stack, asked.names);
    const containers = await engine.observe(stack.project);
    const rows = (await viewCertificates(context, state, stack, containers)).filter(({ name }) => wanted.includes(name));
    return { stack, rows };
  };
  const { stack: described, rows } = await look();
  closeKeys(context, state, described.certificates);
  const first = await judge(context, opened, rows, asked.force);
  const due = first.filter((entry): entry is Due => 'spec' in entry);
  const staple = rows.filter((row) => row.serial && exists(state.at('certs', row.name, row.serial, 'ocsp.der')));
  if (!context.flags.dryRun) for (const row of staple) await writeStaple(state, row.name, row.serial as string, context.clock.now());
  if (due.length === 0 || context.flags.dryRun) {
    if (!context.flags.dryRun && rows.length > 0 && state.manifest()) writeMetrics(state, rows);
    return { certificates: first.map((entry) => ('spec' in entry ? plain(state, entry.spec.name, 'due', entry.cause) : entry)) };
  }
  const prepared = await prepare(context, loaded, { unchecked: true });
  const outcome = await withLock(context, state, asked.command, async (lock, record, fail) => {
    // The holder of the lock may have done it.
    const again = (await look()).rows;
    const results = await judge(context, opened, again, asked.force);
    record(results.flatMap((entry) => ('spec' in entry ? [[entry.spec.name, entry.cause]] : [])));
    const docker = await context.docker();
    const run = { context, loaded, state, engine, docker, lock, stack: prepared.stack, image: prepared.tool('lego') };
    const certificates: Renewal[] = [];
    for (const entry of results) certificates.push('spec' in entry ? await renewOne(run, entry) : entry);
    if (certificates.some(({ action }) => action === 'failed')) fail('CERTIFICATE_FAILED');
    return certificates;
  });
  await recreate(context, opened, prepared.stack, asked.command);
  writeMetrics(state, (await look()).rows);
  return { certificates: outcome };
}

/**
 * After `up`: certificates of issuers outside are ordered once the portal runs. It runs with a stand-in otherwise, so a
 * failure is reported, not thrown.
 */
export async function orderOutside(context: Context, opened: Project): Promise<Renewal[]> {
  const { edge, components } = opened.loaded.settings as unknown as {
    edge: { certificate: string; certificates: { issuer: string }[] };
    components: Record<string, boolean>;
  };
  const wanted = components.edge === true && [edge.certificate, ...edge.certificates.map(({ issuer }) => issuer)].includes('acme');
  if (!wanted || context.flags.dryRun) return [];
  const stack = await describe(context, opened.loaded);
  const names = stack.certificates.filter(({ issuer }) => issuer === 'acme').map(({ name }) => name);
  return (await renew(context, opened, { names, force: false, command: 'certs renew' })).certificates;
}

type Run = Parameters<typeof activate>[0] & Parameters<typeof acquire>[0];

async function renewOne(run: Run, { spec, cause, placed }: Due): Promise<Renewal> {
  const { state, stack, context, docker } = run;
  const task = context.report.task(placed ? `have ${spec.name} served` : `renew ${spec.name}: it ${cause}`);
  const before = installedSerial(state, spec.name);
  const attempts = state.at('certs', spec.name, 'attempts.json');
  try {
    const user = stack.services.find((service) => certificatesOf(service).some(({ name }) => name === spec.name));
    if (!user) throw new UserError('CERTIFICATE_FAILED', `nothing uses ${spec.name}`, 'medianest certs status lists the certificates');
    let serial = before as string;
    if (!placed) {
      const issued = await acquire(run, spec);
      await placeCertificate(state, spec.name, issued, { uid: user.uid, image: user.image.ref }, docker);
      serial = issued.serial;
    }
    await activate(run, spec, serial, before === serial ? undefined : before);
    rmSync(attempts, { force: true });
    pruneCertificates(state, spec.name, [serial, before]);
    task.done();
    return plain(state, spec.name, placed ? 'taken-up' : 'renewed', cause);
  } catch (error) {
    task.failed();
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    const failure = afterFailure(attemptsOf(state, spec.name), error.message, context.clock.now());
    writeAtomic(attempts, `${JSON.stringify(failure)}\n`);
    context.report.warn(`${error.message}\n  ${error.hint}`);
    return { ...plain(state, spec.name, 'failed', error.message), nextTry: failure.nextTry };
  }
}

/** What each certificate needs: nothing, to be issued, or to be read by who serves it. */
async function judge(
  context: Context,
  { loaded, state }: Project,
  rows: Awaited<ReturnType<typeof viewCertificates>>,
  force: boolean,
): Promise<(Due | Renewal)[]> {
  const now = context.clock.now();
  return Promise.all(
    rows.map(async (row): Promise<Due | Renewal> => {
      const { seen, name } = row;
      const { spec, pem } = seen;
      const attempts = attemptsOf(state, name);
      let { cause } = seen;
      if (spec.issuer === 'acme' && pem !== undefined && (!cause || cause.startsWith('expires'))) {
        const told = await renewalAsked(state, name, pem, { directory: acmeSettings(loaded).directory, ca: acmeRoot(loaded) }, now);
        if (told === true) cause = 'is to be renewed now, its CA says';
        else if (told === false && !nearEnd(row)) cause = undefined;
      }
      if (spec.issuer === 'imported' && (cause || force))
        return plain(state, name, 'waits', `${cause ?? 'is imported'}: medianest certs import`);
      if (force) return { spec, cause: cause ?? 'is asked for', placed: false };
      if (cause && !mayTry(attempts, now))
        return { ...plain(state, name, 'waits', `${cause}, but ${attempts?.lastError}`), nextTry: attempts?.nextTry as string };
      if (cause) return { spec, cause, placed: false };
      if (row.status === 'not-served' && seen.served.length > 0) return { spec, cause: row.cause as string, placed: true };
      return plain(state, name, 'kept', `is good until ${row.notAfter?.slice(0, 10)}`);
    }),
  );
}

/** A CA's window is a wish: what is about to end is renewed whatever it says. */
const nearEnd = (row: CertificateRow): boolean => row.status === 'expiring' && (row.daysLeft ?? 0) < 7;

function chosen(stack: Stack, names: readonly string[]): string[] {
  const known = stack.certificates.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown) {
    throw new UserError(
      'UNKNOWN_SERVICE',
      `there is no certificate ${JSON.stringify(unknown)}; known here: ${known.join(', ')}`,
      'medianest certs status',
    );
  }
  return names.length > 0 ? [...names] : known;
}

function plain(state: StateFolder, name: string, action: Renewal['action'], cause: string): Renewal {
  const pem = installedCertificate(state, name);
  const facts = pem === undefined ? undefined : certificateFacts(pem);
  return { name, action, cause, serial: facts?.serial ?? null, notAfter: facts?.notAfter.toISOString() ?? null };
}

/** What takes a certificate only by a new container gets one, the way `up` does it: one at a time where there are several. */
async function recreate(context: Context, opened: Project, stack: Stack, command: string): Promise<void> {
  const engine = await context.engine();
  const containers = await engine.observe(stack.project);
  const rows = await viewCertificates(context, opened.state, stack, containers);
  const stale = rows.filter(({ status }) => status === 'not-served').map(({ name }) => name);
  const running = (name: string) => containers.some((container) => container.service === name && container.state === 'running');
  const components = stack.services
    .filter((service) => !service.reload && running(service.name) && certificatesOf(service).some(({ name }) => stale.includes(name)))
    .map(({ component }) => component);
  if (components.length === 0) return;
  await converge(context, opened, { overwrite: false, timeout: undefined, only: [...new Set(components)], command });
}

function writeMetrics(state: StateFolder, rows: readonly CertificateRow[]): void {
  const text = certificateMetrics(rows);
  const file = state.at('metrics', 'certificates.prom');
  if (readOptional(file) !== text) writeAtomic(file, text);
}
