import { certificatesOf } from '../../stack/certificates.ts';
import { volumeName } from '../../stack/labels.ts';
import type { Rendered, Service, Stack } from '../../stack/types.ts';
import { addedPulls } from './added.ts';
import type { Change, FileChange } from './change.ts';
import type { UpFacts } from './facts.ts';
import { settingsTrials } from './settings-trials.ts';
import type { Step } from './step.ts';
import { ownerSteps, toolsImage } from './volume-owners.ts';

/** Each NFS export once, with an image that is there by then. */
function mountProofs(wanted: readonly Service[], changes: readonly Change[]): Step[] {
  const starting = changes.filter(({ action }) => action === 'create' || action === 'recreate' || action === 'start');
  const names = new Set(starting.map(({ service }) => service));
  const proofs = wanted
    .filter(({ name }) => names.has(name))
    .flatMap(({ image, mounts }) => mounts.flatMap(({ source, nfs }) => (nfs ? [[source, { nfs, image: image.ref }] as const] : [])));
  return [...new Map(proofs).values()].map((proof) => ({
    kind: 'prove-mount',
    ...proof,
    cause: 'a refusal has to come before a container is stopped',
  }));
}

/** Compose mounts them, and neither makes nor deletes them. */
function lastingVolumes(wanted: readonly Service[], changes: readonly Change[]): string[] {
  const starting = new Set(changes.flatMap(({ action, service }) => (['create', 'recreate', 'start'].includes(action) ? [service] : [])));
  return wanted.filter(({ name }) => starting.has(name)).flatMap(({ mounts }) => mounts.flatMap((m) => (m.outlives ? [m.source] : [])));
}

/** What an `up` is to bring about, and what it starts from. */
export interface Planned {
  stack: Stack;
  /** The services that this run may touch. */
  wanted: readonly Service[];
  rendered: Rendered;
  facts: UpFacts;
  changes: readonly Change[];
  files: readonly FileChange[];
}

/** All that can fail, before a container is touched. */
export function preparation({ stack, wanted, rendered, facts, changes, files }: Planned): Step[] {
  const steps: Step[] = stack.images
    .filter((image) => facts.missingImages.includes(image.ref))
    .map((image) =>
      image.build
        ? { kind: 'build-image', image, cause: 'its source is new or has changed' }
        : { kind: 'pull-image', ref: image.ref, cause: 'the engine does not have it' },
    );
  if (!facts.only) steps.push(...addedPulls(rendered.added, facts.missingImages));
  const [first] = wanted.filter(({ oneOff }) => !oneOff);
  if (facts.mends.length > 0 && first)
    steps.push({ kind: 'mend', mends: [...facts.mends], image: first.image.ref, cause: 'containers could not read it, or others could' });
  steps.push(...settingsTrials(wanted, rendered, facts, changes));
  steps.push(...mountProofs(wanted, changes));
  for (const name of lastingVolumes(wanted, changes))
    steps.push({ kind: 'create-volume', name: volumeName(stack.project, name), project: stack.project, cause: 'it outlives the project' });
  for (const { role, step } of facts.gathered) if (wanted.some((service) => service.role === role)) steps.push(step);
  steps.push(...(facts.carry?.first ?? []));
  // Before anything else is kept or seen by a container: Compose may still refuse the operator's override.
  if (files.length > 0) {
    const only = facts.keepEdits && { only: wanted.map(({ name }) => name) };
    const changed = files.map((file) => file.path);
    steps.push({ kind: 'write-files', rendered, stack, changed, ...only, cause: 'settings or templates changed' });
  }
  steps.push(...(facts.carry?.written ?? []));
  if (facts.newOverrides) steps.push({ kind: 'store-overrides', overrides: facts.newOverrides, cause: 'so that the next `up` keeps it' });
  const { subnets, reach } = facts;
  if (facts.subnetsChanged) steps.push({ kind: 'remember-subnets', subnets, reach, cause: 'so that later renders are the same' });
  if (facts.changedSecrets.length > 0) steps.push({ kind: 'create-secrets', names: [...facts.changedSecrets], cause: 'new or changed' });
  for (const service of wanted)
    if (facts.unplaced.includes(service.name))
      steps.push({
        kind: 'place-secrets',
        service,
        image: toolsImage(stack, wanted, service, facts.containers),
        cause: 'it reads them from its own folder',
      });
  if (facts.launchDue) steps.push({ kind: 'place-launch', cause: 'the application is started by it' });
  const issued = new Set<string>();
  for (const service of wanted) {
    for (const certificate of certificatesOf(service)) {
      const due = facts.dueCertificates[certificate.name];
      if (!due || issued.has(certificate.name)) continue;
      issued.add(certificate.name);
      steps.push({
        kind: 'issue-certificate',
        certificate,
        uid: service.uid,
        image: toolsImage(stack, wanted, service, facts.containers),
        cause: due,
      });
    }
  }
  // Only where something serves that could be lost.
  const serving = new Set(facts.containers.filter(({ state }) => state === 'running').map((container) => container.service));
  const other = new Set(changes.filter(({ action }) => action === 'recreate' || action === 'reload').map(({ service }) => service));
  for (const service of wanted) {
    const hash = rendered.configs[service.name];
    if (hash && service.check && serving.has(service.name) && other.has(service.name))
      steps.push({ kind: 'prove-config', service, hash, cause: 'a refusal has to come before what serves is touched' });
  }
  for (const service of wanted) {
    const hash = rendered.configs[service.name];
    if (hash && facts.liveConfigs[service.name] !== hash)
      steps.push({ kind: 'activate-config', service: service.name, hash, cause: 'a new version of its configuration' });
  }
  // What runs as another user can write to it no more: so it comes last.
  steps.push(...ownerSteps(stack, wanted, facts));
  return steps;
}
