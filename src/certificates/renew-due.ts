import { rmSync } from 'node:fs';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import type { Engine } from '../docker/types.ts';
import type { Project } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { converge } from '../reconcile/converge.ts';
import { prepare } from '../reconcile/prepare.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import type { StateFolder } from '../state/state.ts';
import { type AcmeContext, acmeIssuer } from './acme/acme.ts';
import { type ActivationContext, activate } from './activate.ts';
import { issuerNamed } from './ca/index.ts';
import { decide, type RenewAsked, type Renewal, report } from './decide.ts';
import { afterFailure } from './plan/back-off.ts';
import { certificateFacts } from './plan/renewal.ts';
import { type DueDecision, replacement } from './plan/renewal-plan.ts';
import { caStore } from './store/ca-store.ts';
import { installedCertificate, installedSerial, pruneCertificates } from './store/install.ts';
import { issueCertificate } from './store/issue.ts';
import { attemptsOf } from './view.ts';

type RenewalContext = ActivationContext & AcmeContext;

/** Carries out the steps of a renewal: those of the certificates with the lock, then what `up` does for containers to replace. */
export async function renewDue(context: Context, project: Project, engine: Engine, asked: RenewAsked): Promise<Renewal[]> {
  const { loaded, state } = project;
  const docker = await context.docker();
  const { certificates, renewed } = await withLock(context, state, asked.command, async (lock, record, fail) => {
    // With the lock: the command that held it before may have changed the stack, or renewed the certificates.
    const prepared = await prepare(context, loaded, { unchecked: true });
    const { stack } = prepared;
    const containers = await engine.observe(stack.project);
    refuseForeign(stack.project, containers, state.root);
    const { decisions } = await decide(context, project, stack, containers, asked);
    record(decisions.flatMap(({ row, action, cause }) => (action === 'due' ? [[row.name, cause]] : [])));
    const run = { context, loaded, state, engine, docker, lock, stack, image: prepared.tool('lego') };
    const certificates: Renewal[] = [];
    const renewed: DueDecision[] = [];
    for (const decision of decisions) {
      const outcome = decision.action === 'due' ? await renewOne(run, decision) : report(decision);
      certificates.push(outcome);
      if (decision.action === 'due' && outcome.action !== 'failed') renewed.push(decision);
    }
    if (renewed.length < decisions.filter(({ action }) => action === 'due').length) fail('CERTIFICATE_FAILED');
    return { certificates, renewed };
  });
  for (const step of replacement(renewed))
    if (step.kind === 'replace-containers')
      await converge(context, project, { overwrite: false, only: step.components, command: asked.command });
  return certificates;
}

/** The steps of one certificate. If one fails, the certificate before is served on, and the next attempt is scheduled. */
async function renewOne(run: RenewalContext, decision: DueDecision): Promise<Renewal> {
  const { state, context } = run;
  const { row, cause, steps } = decision;
  const { name } = row;
  const issues = steps.some(({ kind }) => kind === 'issue-certificate');
  const task = context.report.task(issues ? `renew ${name}: it ${cause}` : `have ${name} served`);
  const attempts = state.at('certs', name, 'attempts.json');
  const before = installedSerial(state, name);
  try {
    const serial = await perform(run, steps, before);
    rmSync(attempts, { force: true });
    pruneCertificates(state, name, [serial, before]);
    task.done();
    return installed(state, name, issues ? 'renewed' : 'taken-up', cause);
  } catch (error) {
    task.failed();
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw error;
    const failure = afterFailure(attemptsOf(state, name), error.message, context.clock.now());
    writeAtomic(attempts, `${JSON.stringify(failure)}\n`);
    context.report.warn(`${error.message}\n  ${error.hint}`);
    return { ...installed(state, name, 'failed', error.message), nextTry: failure.nextTry };
  }
}

/** @returns the serial that is served now */
async function perform(run: RenewalContext, steps: DueDecision['steps'], before: string | undefined): Promise<string> {
  const { state, docker, loaded, context } = run;
  let serial = before as string;
  for (const step of steps) {
    if (step.kind === 'issue-certificate') {
      const issuer = issuerNamed(step.certificate.issuer, caStore(state), loaded.settings.project, acmeIssuer(run));
      ({ serial } = await issueCertificate(issuer, step.certificate, step, { state, docker, now: context.clock.now() }));
    } else {
      await activate(run, step, serial, before === serial ? undefined : before);
    }
  }
  return serial;
}

function installed(state: StateFolder, name: string, action: Renewal['action'], cause: string): Renewal {
  const pem = installedCertificate(state, name);
  const facts = pem === undefined ? undefined : certificateFacts(pem);
  return { name, action, cause, serial: facts?.serial ?? null, notAfter: facts?.notAfter.toISOString() ?? null };
}
