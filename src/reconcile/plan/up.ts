import type { ObservedContainer } from '../../docker/types.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import type { Rendered, Service, Stack } from '../../stack/types.ts';
import { addedChanges, leavesAsAdded } from './added.ts';
import { stoppedChanges } from './carry.ts';
import { type Change, composeServices, type FileChange, fileChanges, networksOf, recreateCause } from './change.ts';
import { goneFolder, reloadCause, type UpFacts } from './facts.ts';
import { dataLeftBehind } from './freed-first.ts';
import { flipsTogether } from './replicas.ts';
import type { Step } from './step.ts';
import { stepsOf } from './up-steps.ts';

export interface UpPlan {
  changes: Change[];
  files: FileChange[];
  steps: Step[];
}

/** Stack and observation -> what `up` does, in order: prepare all that can fail, then touch containers, then prove. */
export function planUp(stack: Stack, rendered: Rendered, facts: UpFacts): UpPlan {
  const definitions = once(() =>
    [facts.files, rendered.files].map((files) => composeServices(files.find(({ path }) => path === COMPOSE_FILE)?.contents)),
  );
  const leftovers = interrupted(stack.project, facts.containers);
  const wantsTouch = ({ component }: { component?: string | undefined }) => !facts.only || facts.only.includes(component ?? '');
  const wantedServices = stack.services.filter(wantsTouch);
  const compared = wantedServices
    .filter((service) => !service.oneOff)
    .map((service) => {
      const container = facts.containers.find((entry) => entry.service === service.name && !leftovers.includes(entry));
      return { service, container, change: changeOf(service, container, rendered, facts, definitions) };
    });
  const found = compared.map(({ change }) => change);
  const changes = compared.map(({ service, container, change }) =>
    change.downtime !== NETWORK_COST && flipsTogether(service, container, found) ? { ...change, downtime: PROTOCOL_COST } : change,
  );
  if (!facts.only) changes.push(...addedChanges(rendered.added, facts.containers, facts.stateFolder));
  const wanted = new Set([...stack.services, ...rendered.added.services].map((service) => service.name));
  const ours = facts.containers.filter(
    (entry) => (entry.project === stack.project || leavesAsAdded(entry, rendered.added, facts.stateFolder)) && wantsTouch(entry),
  );
  const orphans = [...new Set(ours.map((entry) => entry.service))].filter((name) => !wanted.has(name));
  for (const service of orphans) {
    changes.push({
      service,
      action: 'remove',
      cause: 'no longer part of the stack',
      downtime: 'it stops',
      dataRisk: dataLeftBehind(service, stack, ours),
    });
  }
  const files = fileChanges(rendered, facts.files);
  const planned = { stack, wanted: wantedServices, rendered, facts, changes, files };
  const steps = stepsOf(planned, leftovers);
  return { changes: facts.carry?.database ? stoppedChanges(changes, facts.carry.database.stop) : changes, files, steps };
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
    const cost = movesNetwork(container.inputs, label) ? NETWORK_COST : service.interruption;
    return change('recreate', recreateCause(service, container.inputs, label, before, after), cost);
  }
  if (container.stateFolder !== facts.stateFolder)
    return change('recreate', `the state folder moved from ${container.stateFolder}`, service.interruption);
  const gone = goneFolder(service, container, rendered, facts);
  if (gone) return change('recreate', `${gone} was removed, and the container still has the old folder`, service.interruption);
  if (container.state === 'restarting') return change('recreate', LOOPING, service.interruption);
  if (container.state !== 'running') return change('start', `it is ${container.state}`, 'none: it is not running');
  if (facts.deploying && (service.rolling || service.process?.drains)) return change('keep', 'unchanged', 'none');
  const unread = reloadCause(service, rendered, facts);
  // Of one that never became healthy it is not known what it has read: it counts if it is not what its container was made with.
  const another = facts.applied[service.name] !== undefined || facts.liveConfigs[service.name] !== rendered.configs[service.name];
  // What it has to read may be what it needs to get well, and only a new container is sure to read it.
  if (container.health === 'unhealthy' && unread && another)
    return change('recreate', `it is unhealthy, and ${unread}`, service.interruption);
  if (container.health === 'starting' || container.health === 'unhealthy')
    return change('start', `it is ${container.health}: wait for it`, 'none');
  return unread ? change('reload', unread, 'none') : change('keep', 'unchanged', 'none');
}

const PROTOCOL_COST =
  'about 10 s: it changes between TLS and plain HTTP while its balancer gets a new container, so all replicas are replaced at once';

/** A network with other addresses or options is a new one, and all that is in it stops before. */
const movesNetwork = (before: string | undefined, now: string): boolean => {
  const old = networksOf(before);
  return old !== undefined && old !== networksOf(now);
};

const NETWORK_COST = 'about a minute: its network is replaced, and all containers in it at once';

/** Docker waits longer after each end; a new container begins at once with what was corrected. */
const LOOPING = 'it ends again and again';

/** `<12 hex digits>_<name>`: what Compose calls the successor while it replaces a container, left behind when it is killed. */
function interrupted(project: string, containers: readonly ObservedContainer[]): ObservedContainer[] {
  return containers.filter((entry) => entry.name !== `${project}-${entry.service}-${entry.number}` && /^[0-9a-f]{12}_/.test(entry.name));
}
