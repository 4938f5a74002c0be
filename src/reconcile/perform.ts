import path from 'node:path';
import type { Execution, StepKind } from '../capability/capability.ts';
import { issuerNamed } from '../certificates/ca/index.ts';
import { caStore } from '../certificates/store/ca-store.ts';
import { installedSerial, switchCertificate } from '../certificates/store/install.ts';
import { issueCertificate } from '../certificates/store/issue.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic } from '../core/files.ts';
import { composeArgs } from '../docker/compose.ts';
import { createVolume } from '../docker/volume.ts';
import { buildImage, pullImage } from '../images/store/build-image.ts';
import { fetchImages } from '../images/store/fetch-images.ts';
import { askController, replaceMember } from '../members/agent-cli.ts';
import { placedSecrets, placeSecrets, saveSecrets } from '../secrets/store/secret-files.ts';
import { LABEL } from '../stack/labels.ts';
import { placeLaunchProgram } from '../state/launch-program.ts';
import { mend } from '../state/mend.ts';
import { removeState } from '../state/remove.ts';
import { carryDatabase } from './carry/database.ts';
import { removeCarryRemains } from './carry/jobs.ts';
import { endCarry, noteCarry } from './carry/journal.ts';
import { carryVolume, checkCarry } from './carry/volumes.ts';
import { compose, composeUp, filesBeside } from './compose-project.ts';
import { proveMount } from './media-check.ts';
import { ownVolumes } from './own-volume.ts';
import { appliedValue } from './plan/facts.ts';
import type { ReconcileSteps } from './plan/step.ts';
import { proveConfig } from './prove-config.ts';
import { proveSettings } from './prove-settings.ts';
import { rememberedText } from './ranges/ranges.ts';
import { reloadService } from './reload.ts';
import { runOneOff } from './replicas/run-one-off.ts';
import { switchReplicas } from './replicas/switch-replicas.ts';
import { admitReplica, awaitBalancer, proveReplica, replaceReplica } from './roll.ts';
import { renew, UP } from './workers/renew.ts';
import { replaceWorker, stopWorker } from './workers/replace-worker.ts';

/** What each kind of step does. It takes no decision: the plan has taken them. */
export const performers: { readonly [K in keyof ReconcileSteps]: StepKind<K>['perform'] } = {
  'build-image': (step, run, task) => {
    const { docker, context } = run;
    return buildImage(step.image, context, docker, (line) => task?.detail(line));
  },
  'pull-image': (step, run, task) => {
    const { docker, context } = run;
    return pullImage(step.ref, context, docker, (line) => task?.detail(line));
  },
  'fetch-images': (step, { context, docker }, task) => fetchImages(step.images, context, docker, (line) => task?.detail(line)),
  'create-secrets': (_step, run) => {
    const { state, secrets } = run.prepared;
    return saveSecrets(state, secrets.store);
  },
  'remember-subnets': (step, run) => {
    const { state } = run.prepared;
    return writeAtomic(state.at('subnets.json'), rememberedText(step.subnets, step.reach));
  },
  'place-secrets': (step, run) => {
    const { state, secrets } = run.prepared;
    const { docker } = run;
    return placeSecrets(state, step.service, secrets.values, secrets.fingerprints, docker, step.image);
  },
  'place-launch': async (_step, { context, prepared }) => placeLaunchProgram(prepared.state, context.home),
  mend: (step, run) => {
    const { state } = run.prepared;
    return mend(state, step.mends, step.image, run.docker);
  },
  'issue-certificate': async (step, run) => {
    const { state, project } = run.prepared;
    const { docker, context } = run;

    const { certificate, uid, image } = step;
    const issuer = issuerNamed(certificate.issuer, caStore(state), project);
    const issued = await issueCertificate(issuer, certificate, { uid, image }, { state, docker, now: context.clock.now() });
    return switchCertificate(state, certificate.name, issued.serial);
  },
  'write-files': (step, run) => {
    const { state } = run.prepared;
    return state.commit(step.rendered, step.stack, (file) => checkComposeFile(file, run), { only: step.only });
  },
  'activate-config': (step, run) => {
    const { state } = run.prepared;
    return state.activateConfig(step.service, step.hash);
  },
  'create-volume': (step, run) => {
    const { docker } = run;
    return createVolume(step.name, { [LABEL.project]: step.project }, docker);
  },
  'own-volume': (step, run) => {
    return ownVolumes([step], run);
  },
  'prove-mount': (step, run) => {
    const { docker, context } = run;
    return proveMount(step.nfs, step.image, docker, context.signal);
  },
  'prove-settings': (step, run) => {
    const { project } = run.prepared;
    const { docker, context } = run;
    return proveSettings(step, project, docker, context);
  },
  'prove-config': (step, run) => {
    const { state } = run.prepared;
    const { docker, context } = run;
    return proveConfig(state, step.service, step.hash, docker, context.signal);
  },
  'remove-container': (step, run) => {
    return run.engine.removeContainer(step.id);
  },
  'compose-up': async (step, run, task) => {
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
  },
  replace: (step, run, task) => {
    return replaceReplica(step, run, task, () => renew(step, run, task));
  },
  'replace-worker': replaceWorker,
  'stop-worker': stopWorker,
  'replace-member': (step, run, task) => {
    const { project } = run.prepared;
    return replaceMember(step, run.engine, project, task, () => renew(step, run, task));
  },
  'retire-member': async (step, run) => {
    const { project } = run.prepared;
    if (step.handover) await askController(run.engine, project, step.controller, ['handover', step.service]);
    return removeServices(run, [step.service]);
  },
  admit: (step, run, task) => {
    return admitReplica(step, run, task);
  },
  'prove-replica': proveReplica,
  'switch-replicas': switchReplicas,
  'await-balancer': async (step, run) => {
    return awaitBalancer(step.service, step.waitSeconds, run);
  },
  'store-overrides': (step, run) => {
    const { state } = run.prepared;
    return writeAtomic(state.at('orders.json'), `${JSON.stringify(step.overrides, null, 1)}\n`, 0o600);
  },
  'run-one-off': (step, run, task) => {
    return runOneOff(step.service, run, task);
  },
  'remove-services': (step, run) => {
    return removeServices(run, step.services);
  },
  'compose-restart': async (step, run, task) => {
    await compose(run, task, ['restart', ...step.services]);
    return composeUp(run, task, [...UP, '--no-recreate', '--wait', '--wait-timeout', String(step.waitSeconds)], step.waitSeconds);
  },
  'compose-down': (step, run, task) => {
    // By the project's labels alone: it must work without the files, and whatever stands in the override.
    return compose(run, task, ['down', '--remove-orphans', ...(step.volumes ? ['--volumes'] : [])], []);
  },
  'remove-volumes': async (step, run) => {
    for (const name of step.names) await run.engine.removeVolume(name);
  },
  'remove-images': async (step, run) => {
    for (const ref of step.refs) if (!(await run.engine.removeImage(ref))) run.context.report.warn(`${ref} stays: a container uses it`);
  },
  'check-carry': checkCarry,
  'begin-carry': (step, run) => noteCarry(run.prepared.state, step.journal),
  'carry-volume': carryVolume,
  'carry-database': carryDatabase,
  'finish-carry': async (_step, run) => {
    await removeCarryRemains(run.prepared.project, run);
    endCarry(run.prepared.state);
  },
  'remove-state': (step, run) => {
    const { state } = run.prepared;
    const others = removeState(state);
    if (others.length > 0) run.context.report.warn(`${step.root} stays, with what medianest did not make: ${others.join(', ')}`);
  },
  reload: (step, run) => {
    return reload(run, step.service, step.argv);
  },
  'mark-applied': (step, run) => {
    const { state } = run.prepared;
    return state.markApplied(
      step.service,
      appliedValue(
        state.liveConfig(step.service),
        step.certificates.map((name) => installedSerial(state, name)),
        step.secrets ? placedSecrets(state, step.service) : undefined,
      ),
    );
  },
};

/** @throws UserError PARTIAL if the service rejects it: it keeps the old configuration, and a restart of its container would too */
async function reload({ prepared: { state, project }, docker }: Execution, service: string, argv: readonly string[]): Promise<void> {
  const refusal = await reloadService({ state, docker, project }, { name: service, reload: [...argv] });
  if (refusal === undefined) return;
  const [before] = (state.applied(service) ?? '').split(' ');
  if (before && before !== '-') state.activateConfig(service, before);
  throw new UserError(
    'PARTIAL',
    `${service} rejected its new configuration and keeps the old one: ${refusal}`,
    'correct the setting and run `medianest up` again',
  );
}

/** Compose itself reads the new file (and the operator's override) before it becomes the current one. */
async function checkComposeFile(file: string, { prepared: { project, state }, docker }: Execution): Promise<void> {
  const files = filesBeside(file);
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
