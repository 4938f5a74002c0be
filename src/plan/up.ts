import type { ObservedContainer } from '../engine/types.ts';
import type { Rendered, Service, Stack } from '../stack/types.ts';
import { type Change, composeServices, type FileChange, fileChanges, recreateCause } from './change.ts';
import type { Step } from './step.ts';

/** What was read before planning: the containers, and what the state folder holds. */
export interface UpFacts {
  containers: readonly ObservedContainer[];
  /** The files of the last render. */
  files: readonly { path: string; contents: string }[];
  /** References that the engine lacks; asked only when a container will be created. */
  missingImages: readonly string[];
  changedSecrets: readonly string[];
  /** Services whose placed secrets are missing or old. */
  unplaced: readonly string[];
  /** Certificate name -> why it has to be issued now. */
  dueCertificates: Readonly<Record<string, string>>;
  /** Service -> version of the configuration that its container reads. */
  liveConfigs: Readonly<Record<string, string | undefined>>;
  /** Service -> what it was last told to read, for those that reload. */
  applied: Readonly<Record<string, string | undefined>>;
  /** Certificate name -> serial that is installed. */
  installed: Readonly<Record<string, string | undefined>>;
  /** The folder that containers are started from; one from elsewhere mounts files that are gone. */
  stateFolder: string;
  subnetsChanged: boolean;
  subnets: Record<string, string>;
  waitSeconds: number;
}

export interface UpPlan {
  changes: Change[];
  files: FileChange[];
  steps: Step[];
}

/** What a reloading service has read: its configuration's hash and its certificate's serial. */
export const appliedValue = (config: string | undefined, serial: string | undefined): string => `${config ?? '-'} ${serial ?? '-'}`;

/** Stack and observation -> what `up` does, in order: prepare all that can fail, then touch containers, then prove. */
export function planUp(stack: Stack, rendered: Rendered, facts: UpFacts): UpPlan {
  const definitions = once(() =>
    [facts.files, rendered.files].map((files) => composeServices(files.find((file) => !file.path.includes('/'))?.contents)),
  );
  const leftovers = interrupted(stack.project, facts.containers);
  const changes = stack.services.map((service) => {
    const container = facts.containers.find((entry) => entry.service === service.name && !leftovers.includes(entry));
    return changeOf(service, container, rendered, facts, definitions);
  });
  const wanted = new Set(stack.services.map((service) => service.name));
  // What the operator's override adds carries no label of ours, and is Compose's to keep or remove.
  const ours = facts.containers.filter((entry) => entry.project === stack.project);
  const orphans = [...new Set(ours.map((entry) => entry.service))].filter((name) => !wanted.has(name));
  for (const service of orphans) {
    changes.push({
      service,
      action: 'remove',
      cause: 'no longer part of the stack',
      downtime: 'it stops',
      dataRisk: 'none: its volumes are kept',
    });
  }
  const files = fileChanges(rendered, facts.files);
  return { changes, files, steps: stepsOf(stack, rendered, facts, changes, files, leftovers) };
}

/** Parsing the Compose files is most of what a plan costs, and only a cause needs it. */
function once<T>(compute: () => T): () => T {
  let value: T | undefined;
  return () => {
    value ??= compute();
    return value;
  };
}

function changeOf(
  service: Service,
  container: ObservedContainer | undefined,
  rendered: Rendered,
  facts: UpFacts,
  definitions: () => ReturnType<typeof composeServices>[],
): Change {
  const change = (action: Change['action'], cause: string, downtime: string): Change => ({
    service: service.name,
    action,
    cause,
    downtime,
    dataRisk: 'none',
  });
  if (!container) return change('create', 'not there yet', 'none');
  const label = rendered.inputs[service.name] as string;
  if (container.inputs !== label) {
    const [before, after] = definitions().map((services) => services[service.name]);
    return change('recreate', recreateCause(service, container.inputs, label, before, after), service.interruption);
  }
  if (container.stateFolder !== facts.stateFolder)
    return change('recreate', `the state folder moved from ${container.stateFolder}`, service.interruption);
  const gone = goneFolder(service, container, rendered, facts);
  if (gone) return change('recreate', `${gone} was removed, and the container still has the old folder`, service.interruption);
  if (container.state !== 'running') return change('start', `it is ${container.state}`, 'none: it is not running');
  if (container.health === 'starting' || container.health === 'unhealthy')
    return change('start', `it is ${container.health}: wait for it`, 'none');
  if (!service.reload) return change('keep', 'unchanged', 'none');
  const certificate = service.certificate?.name;
  const due = certificate && facts.dueCertificates[certificate];
  if (due) return change('reload', `its certificate ${due}`, 'none');
  const wanted = appliedValue(rendered.configs[service.name], certificate && facts.installed[certificate]);
  return facts.applied[service.name] === wanted
    ? change('keep', 'unchanged', 'none')
    : change('reload', 'its configuration files or certificate changed', 'none');
}

/** A folder that a container mounts is pinned by its inode: one that was removed and made again is not the one that it sees. */
function goneFolder(service: Service, container: ObservedContainer | undefined, rendered: Rendered, facts: UpFacts): string | undefined {
  if (container?.inputs !== rendered.inputs[service.name]) return undefined;
  if (rendered.configs[service.name] && facts.liveConfigs[service.name] === undefined) return 'its configuration';
  if (facts.unplaced.includes(service.name)) return 'a secret file';
  return service.certificate && facts.installed[service.certificate.name] === undefined ? 'its certificate' : undefined;
}

/** `<12 hex digits>_<name>`: what Compose calls the successor while it replaces a container, left behind when it is killed. */
function interrupted(project: string, containers: readonly ObservedContainer[]): ObservedContainer[] {
  return containers.filter((entry) => entry.name !== `${project}-${entry.service}-${entry.number}` && /^[0-9a-f]{12}_/.test(entry.name));
}

function stepsOf(
  stack: Stack,
  rendered: Rendered,
  facts: UpFacts,
  changes: readonly Change[],
  files: readonly FileChange[],
  leftovers: readonly ObservedContainer[],
): Step[] {
  const touched = changes.filter((change) => change.action !== 'keep' && change.action !== 'reload');
  const reloaded = changes.filter((change) => change.action === 'reload');
  const services = new Map(stack.services.map((service) => [service.name, service]));
  const steps: Step[] = [];
  for (const image of stack.images.filter((entry) => facts.missingImages.includes(entry.ref))) {
    steps.push(
      image.build
        ? { kind: 'build-image', image, cause: 'its source is new or has changed' }
        : { kind: 'pull-image', ref: image.ref, cause: 'the engine does not have it' },
    );
  }
  // Before anything else is kept or seen by a container: Compose may still refuse the operator's override.
  if (files.length > 0) {
    steps.push({ kind: 'write-files', rendered, stack, changed: files.map((file) => file.path), cause: 'settings or templates changed' });
  }
  if (facts.subnetsChanged) steps.push({ kind: 'remember-subnets', subnets: facts.subnets, cause: 'so that later renders are the same' });
  if (facts.changedSecrets.length > 0) steps.push({ kind: 'create-secrets', names: [...facts.changedSecrets], cause: 'new or changed' });
  for (const service of stack.services) {
    if (facts.unplaced.includes(service.name)) steps.push({ kind: 'place-secrets', service, cause: 'it reads them from its own folder' });
    const due = service.certificate && facts.dueCertificates[service.certificate.name];
    if (service.certificate && due)
      steps.push({ kind: 'issue-certificate', certificate: service.certificate, uid: service.uid, image: service.image.ref, cause: due });
  }
  for (const [service, hash] of Object.entries(rendered.configs)) {
    if (facts.liveConfigs[service] !== hash)
      steps.push({ kind: 'activate-config', service, hash, cause: 'a new version of its configuration' });
  }
  for (const leftover of leftovers)
    steps.push({ kind: 'remove-container', id: leftover.id, name: leftover.name, cause: 'left behind by an interrupted run' });
  if (touched.length > 0 || leftovers.length > 0) {
    steps.push({
      kind: 'compose-up',
      services: touched.map((change) => change.service),
      forced: stack.services.flatMap((service) => {
        const container = facts.containers.find((entry) => entry.service === service.name);
        return goneFolder(service, container, rendered, facts) ? [service.name] : [];
      }),
      waitSeconds: facts.waitSeconds,
      cause: 'containers differ from the plan',
    });
  }
  for (const { service } of reloaded) {
    steps.push({
      kind: 'reload',
      service,
      argv: services.get(service)?.reload ?? [],
      cause: 'takes its new configuration without a new container',
    });
  }
  for (const { service } of [...touched, ...reloaded]) {
    const definition = services.get(service);
    if (definition?.reload)
      steps.push({ kind: 'mark-applied', service, certificate: definition.certificate?.name, cause: 'so that the next plan knows' });
  }
  return steps;
}
