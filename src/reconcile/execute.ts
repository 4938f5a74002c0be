import path from 'node:path';
import type { Context } from '../capability/context.ts';
import { issuerNamed } from '../certificates/ca/index.ts';
import { caStore } from '../certificates/store/ca-store.ts';
import { installCertificate, installedSerial } from '../certificates/store/install.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import type { Task } from '../core/reporter.ts';
import { composeArgs, type DockerCli } from '../docker/compose.ts';
import type { Engine } from '../docker/types.ts';
import { createVolume } from '../docker/volume.ts';
import { buildImage, pullImage } from '../images/store/build-image.ts';
import { askKeeper, replaceMember } from '../members/agent-cli.ts';
import { placedSecrets, placeSecrets, saveSecrets } from '../secrets/store/secret-files.ts';
import { LABEL } from '../stack/labels.ts';
import type { Lock } from '../state/lock.ts';
import { placeRules } from '../waf/store/waf-rules.ts';
import { compose, composeFiles, composeUp, overrideFiles, runCompose } from './compose-project.ts';
import { proveMount } from './media-check.ts';
import { describeStep, type Step } from './plan/step.ts';
import { appliedValue } from './plan/up.ts';
import type { Prepared } from './prepare.ts';
import { proveConfig } from './prove-config.ts';
import { admitReplica, awaitBalancer, replaceReplica } from './roll.ts';

/** What executing needs: the prepared stack, and the effects. */
export interface Execution {
  context: Context;
  prepared: Pick<Prepared, 'state' | 'secrets'> & { project: string };
  engine: Engine;
  docker: DockerCli;
  lock: Lock;
  /** Replicas that this run has admitted, and the life that they were in: one that ends later was not good either. */
  lives?: Map<string, string>;
}

/** Images are there already, built or pulled by steps of their own. */
const UP = ['up', '--detach', '--no-build', '--pull', 'never'];

/** Steps after which containers are not what they were. */
const TOUCHING: readonly Step['kind'][] = [
  'compose-up',
  'compose-down',
  'compose-restart',
  'remove-container',
  'remove-services',
  'replace',
  'replace-member',
  'retire-member',
  'run-one-off',
];

/** Runs the steps in order. This is the only place that changes anything; it takes no decision. */
export async function execute(steps: readonly Step[], run: Execution): Promise<void> {
  let touched = false;
  for (const step of steps) {
    if (run.context.signal.aborted) throw interrupted(touched);
    const quiet =
      step.kind === 'mark-applied' ||
      step.kind === 'remember-subnets' ||
      step.kind === 'activate-config' ||
      step.kind === 'remember-orders';
    const task = quiet ? undefined : run.context.report.task(describeStep(step));
    try {
      touched ||= TOUCHING.includes(step.kind);
      await perform(step, run, task);
      task?.done();
    } catch (error) {
      task?.failed();
      throw error instanceof UserError && error.code === 'INTERRUPTED' ? interrupted(touched) : error;
    }
  }
}

const interrupted = (touched: boolean): UserError =>
  new UserError(
    'INTERRUPTED',
    touched ? 'interrupted while containers were changed; what runs is consistent' : 'interrupted; nothing that runs was changed',
    'run the same command again: it goes on from here',
  );

async function perform(step: Step, run: Execution, task: Task | undefined): Promise<void> {
  const { state, secrets, project } = run.prepared;
  const { docker, context } = run;
  switch (step.kind) {
    case 'build-image':
      return buildImage(step.image, context, docker, (line) => task?.detail(line));
    case 'pull-image':
      return pullImage(step.ref, context, docker, (line) => task?.detail(line));
    case 'create-secrets':
      return saveSecrets(state, secrets.store);
    case 'remember-subnets':
      return writeAtomic(state.at('subnets.json'), `${JSON.stringify(step.subnets, null, 1)}\n`);
    case 'place-secrets':
      return placeSecrets(state, step.service, secrets.values, secrets.fingerprints, docker);
    case 'issue-certificate': {
      const issuer = issuerNamed(step.certificate.issuer, caStore(state), project);
      const issued = await issuer.issue(step.certificate, context.clock.now());
      return installCertificate(state, step.certificate.name, issued, { uid: step.uid, image: step.image }, docker);
    }
    case 'write-files':
      return state.commit(step.rendered, step.stack, (file) => checkComposeFile(file, run));
    case 'activate-config':
      return state.activateConfig(step.service, step.hash);
    case 'create-volume':
      return createVolume(step.name, { [LABEL.project]: step.project }, docker);
    case 'prove-mount':
      return proveMount(step.nfs, step.image, docker, context.signal);
    case 'place-rules':
      return placeRules(state, step.rules, context.signal);
    case 'prove-config':
      return proveConfig(state, step.service, step.hash, docker, context.signal);
    case 'remove-container':
      return run.engine.removeContainer(step.id);
    case 'compose-up':
      if (step.forced.length > 0) await compose(run, task, [...UP, '--no-deps', '--force-recreate', ...step.forced]);
      return composeUp(
        run,
        task,
        [
          ...UP,
          ...(step.alone ? ['--no-deps'] : ['--remove-orphans']),
          '--wait',
          '--wait-timeout',
          String(step.waitSeconds),
          ...(step.alone ? step.services : []),
        ],
        step.waitSeconds,
        step.alone ? step.services : undefined,
      );
    case 'replace':
      return replaceReplica(step, run, task, () => renew(step, run, task));
    case 'replace-member':
      return replaceMember(step, run.engine, project, task, () => renew(step, run, task));
    case 'retire-member':
      if (step.handover) await askKeeper(run.engine, project, step.keeper, ['handover', step.service]);
      return removeServices(run, [step.service]);
    case 'admit':
      return admitReplica(step, run, task);
    case 'await-balancer':
      return awaitBalancer(step.service, step.waitSeconds, run);
    case 'remember-orders':
      return writeAtomic(state.at('orders.json'), `${JSON.stringify(step.orders, null, 1)}\n`, 0o600);
    case 'run-one-off':
      return runOneOff(run, task, step.service);
    case 'remove-services':
      return removeServices(run, step.services);
    case 'compose-restart':
      await compose(run, task, ['restart', ...step.services]);
      return composeUp(run, task, [...UP, '--no-recreate', '--wait', '--wait-timeout', String(step.waitSeconds)], step.waitSeconds);
    case 'compose-down':
      // By the project's labels alone: it must work without the files, and whatever stands in the override.
      return compose(run, task, ['down', '--remove-orphans', ...(step.volumes ? ['--volumes'] : [])], []);
    case 'reload':
      return reload(run, step.service, step.argv);
    case 'mark-applied':
      return state.markApplied(
        step.service,
        appliedValue(
          state.liveConfig(step.service),
          step.certificates.map((name) => installedSerial(state, name)),
          step.secrets ? placedSecrets(state, step.service) : undefined,
        ),
      );
  }
}

/** A new container, or a restart of the one that is there, and its health. */
async function renew(
  { service, by, waitSeconds }: { service: string; by: 'recreate' | 'restart'; waitSeconds: number },
  run: Execution,
  task: Task | undefined,
): Promise<void> {
  if (by === 'restart') await compose(run, task, ['restart', service]);
  const how = by === 'restart' ? ['--no-recreate'] : ['--force-recreate'];
  const wait = ['--wait', '--wait-timeout', String(waitSeconds)];
  return composeUp(run, task, [...UP, '--no-deps', ...how, ...wait, service], waitSeconds, [service]);
}

/** @throws UserError PARTIAL where the service refuses: it goes on with what it had, and a restart of its container would too */
async function reload({ prepared: { state, project }, docker }: Execution, service: string, argv: readonly string[]): Promise<void> {
  const { exitCode, tail } = await docker.run(composeArgs(project, state.root, composeFiles(state), 'exec', '--no-TTY', service, ...argv));
  if (exitCode === 0) return;
  const [before] = (state.applied(service) ?? '').split(' ');
  if (before && before !== '-') state.activateConfig(service, before);
  throw new UserError(
    'PARTIAL',
    `${service} refused its new configuration and goes on with the old one: ${tail.slice(-3).join(' | ')}`,
    'correct the setting and run `medianest up` again',
  );
}

/** Compose itself reads the new file (and the operator's override) before it becomes the current one. */
async function checkComposeFile(file: string, { prepared: { project, state }, docker }: Execution): Promise<void> {
  const files = [file, ...overrideFiles(state)];
  const { exitCode, tail } = await docker.run(composeArgs(project, state.root, files, 'config', '--quiet'));
  if (exitCode === 0) return;
  const ours = files.length === 1 ? 'the rendered Compose file' : `${path.basename(state.overrideFile)} over the rendered Compose file`;
  throw new UserError(
    'COMPOSE_REFUSED',
    `docker compose refuses ${ours}: ${tail.join(' | ')}; nothing was changed`,
    files.length === 1 ? 'report this with the output of `medianest config show`' : `correct ${state.overrideFile}`,
  );
}

async function removeServices({ engine, prepared }: Execution, services: readonly string[]): Promise<void> {
  const containers = (await engine.observe(prepared.project)).filter((entry) => services.includes(entry.service));
  await Promise.all(containers.map((container) => engine.stopContainer(container.id)));
}

/** A container of its own that runs to its end. @throws UserError HOOK_FAILED with its last lines */
async function runOneOff(run: Execution, task: Task | undefined, service: string): Promise<void> {
  const { exitCode, tail } = await runCompose(run, task, ['run', '--rm', '--no-deps', '--no-TTY', '--quiet-pull', service]);
  if (exitCode === 0) return;
  const lines = tail.slice(-8).map((line) => `\n    ${line}`);
  throw new UserError(
    'HOOK_FAILED',
    `${service} ended with status ${exitCode}${lines.join('')}`,
    'correct it and deploy again; what runs was not touched',
  );
}
