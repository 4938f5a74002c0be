import type { ObservedContainer } from '../../docker/types.ts';
import { certificatesOf } from '../../stack/certificates.ts';
import type { Rendered, Rolling, Service, Stack } from '../../stack/types.ts';
import { withDatabase } from './carry.ts';
import { type Change, networksOf } from './change.ts';
import { goneFolder, reloadCause, type UpFacts } from './facts.ts';
import { freedFirst } from './freed-first.ts';
import { controllersLast, oneByOne, retirements, sharedBeforeEtcdShrinks, sharedFirst } from './members.ts';
import { dueMigrations, hasDatabase, withMigrations } from './migrations.ts';
import { type Planned, preparation } from './preparation.ts';
import {
  activatedLast,
  drainedFirst,
  flipsTogether,
  idleFirst,
  inReleaseOrder,
  leftOut,
  recreateSteps,
  TAKES_CONFIGURATION,
} from './replicas.ts';
import type { Step } from './step.ts';

/** What an `up` executes, in order: prepare all that can fail, then touch containers, then prove. */
export function stepsOf(planned: Planned, leftovers: readonly ObservedContainer[]): Step[] {
  const { stack, wanted, rendered, facts, changes } = planned;
  const services = new Map(wanted.map((service) => [service.name, service]));
  const touching = containerSteps(stack, services, facts, changes, rendered, leftovers.length > 0);
  const steps = controllersLast([
    ...preparation(planned),
    ...leftovers.map(({ id, name }): Step => ({ kind: 'remove-container', id, name, cause: 'left behind by an interrupted run' })),
    ...(facts.carry?.database ? withDatabase(touching, facts.carry.database, stack, changes, facts.waitSeconds) : touching),
  ]);
  const migrations = dueMigrations(stack, facts, changes).filter(({ name }) => services.has(name));
  return activatedLast(withMigrations(steps, migrations, stack, hasDatabase(stack, facts)), services, facts.liveConfigs);
}

/**
 * What leaves and has an address or port that is wanted goes first; then what is new or stopped comes up; then replicas behind
 * a running balancer are replaced one at a time; then configurations are reloaded, so that a balancer never sends to what is
 * not there; at last whatever else is no longer wanted goes.
 */
function containerSteps(
  stack: Stack,
  services: ReadonlyMap<string, Service>,
  facts: UpFacts,
  changes: readonly Change[],
  rendered: Rendered,
  hadLeftovers: boolean,
): Step[] {
  const { waitSeconds } = facts;
  const running = (name: string) => facts.containers.some((entry) => entry.service === name && entry.state === 'running');
  // One that is not well cannot be asked to drain anything.
  const dead = (name: string) => facts.containers.some((entry) => entry.service === name && entry.health === 'unhealthy');
  const flips = facts.containers.some((entry) => {
    const service = services.get(entry.service);
    return service !== undefined && flipsTogether(service, entry, changes);
  });
  // A network with other addresses is a new one, and all that are in it move together.
  const moves = facts.containers.some((entry) => {
    const before = networksOf(entry.inputs);
    return before !== undefined && services.has(entry.service) && before !== networksOf(rendered.inputs[entry.service]);
  });
  const rollingOf = (change: Change) => {
    const rolling = services.get(change.service)?.rolling;
    const serves = rolling && running(rolling.balancer) && !dead(rolling.balancer);
    return change.action === 'recreate' && serves && running(change.service) && !flips && !moves ? rolling : undefined;
  };
  const touched = changes.filter((change) => change.action !== 'keep' && change.action !== 'reload');
  // One that has only begun is waited for first.
  const begins = ({ service }: Change) =>
    facts.containers.some((entry) => entry.service === service && entry.state === 'running' && entry.health === 'starting');
  const unread = ({ service }: Change) => {
    const known = services.get(service);
    return known !== undefined && reloadCause(known, rendered, facts) !== undefined;
  };
  const reloaded = changes.filter(
    (change) => change.action === 'reload' || (change.action === 'start' && begins(change) && unread(change)),
  );
  const recreated = new Set(touched.filter(({ action }) => action === 'recreate').map(({ service }) => service));
  const wanted = [...services.values()];
  const members = moves
    ? []
    : oneByOne(
        wanted.filter(({ name }) => recreated.has(name)),
        wanted,
        facts.containers,
        facts.leaders,
      );
  const isMember = ({ service }: Change) => members.some(({ name }) => name === service);
  const rolled = touched.filter((change) => rollingOf(change) && !isMember(change));
  const drainsOf = ({ service }: Change) => services.get(service)?.process?.drains;
  const recreates = [...services.values()].some(({ rolling }) => rolling?.strategy === 'recreate');
  // One that a run which was interrupted has stopped waits for its turn again.
  const turns = ({ service }: Change) => recreates || running(service);
  const drained = touched.filter((change) => change.action === 'recreate' && drainsOf(change) && turns(change) && !moves);
  const replaced = touched.filter((change) => rolled.includes(change) || drained.includes(change) || isMember(change));
  const others = touched.filter((change) => !replaced.includes(change));
  const retired = retirements(others, wanted, facts.containers);
  const unretired = others.filter(({ service }) => !retired.some((step) => step.service === service));
  const early = unretired.filter((change) => change.action !== 'remove');
  const freed = freedFirst(
    unretired.filter((change) => change.action === 'remove'),
    early.flatMap(({ service }) => services.get(service) ?? []),
    stack.networks,
    facts.containers,
  );
  const rest = unretired.filter((change) => !freed.includes(change));
  const removed = rest.filter((change) => change.action === 'remove');
  const forced = [...services.values()].flatMap((service) => {
    const container = facts.containers.find((entry) => entry.service === service.name);
    const sick = container?.health === 'unhealthy' && recreated.has(service.name);
    const stuck = sick || goneFolder(service, container, rendered, facts) || container?.state === 'restarting';
    return stuck && !replaced.some(({ service: name }) => name === service.name) ? [service.name] : [];
  });
  const alone = replaced.length > 0 || facts.only !== undefined;
  const compose = (which: readonly Change[], how: { alone: boolean; forced: string[] }): Step => ({
    kind: 'compose-up',
    services: which.map((change) => change.service),
    ...how,
    waitSeconds,
    cause: 'containers differ from the plan',
  });
  const rolledNames = rolled.map(({ service }) => service);
  const admitted = leftOut(wanted, rolledNames, facts);
  // A balancer stops sending to a replica before that goes.
  const lastly = removed.length > 0 && (alone || reloaded.length > 0 || admitted.length > 0);
  const steps = sharedBeforeEtcdShrinks(retired, sharedFirst(recreated, wanted, facts.containers, facts.leaders));
  if (freed.length > 0)
    steps.push({ kind: 'remove-services', services: freed.map(({ service }) => service), cause: 'what comes has its address or port' });
  if (early.length > 0 || (rest.length > 0 && !lastly) || (hadLeftovers && !alone))
    steps.push(compose(lastly ? early : rest, { alone: alone || lastly, forced }));
  const reload = ({ service }: Change): Step => ({
    kind: 'reload',
    service,
    argv: services.get(service)?.reload ?? [],
    cause: TAKES_CONFIGURATION,
  });
  // A service that checks a password knows the new one before a client uses it; what routes to members knows a new one before it leads.
  const standsOnMembers = ({ member, rolling, after }: Service) =>
    !member && !rolling && after.some((name) => services.get(name)?.member !== undefined);
  const first = ({ service }: Change) => {
    const definition = services.get(service) as Service;
    return definition.reloadsSecrets === true || standsOnMembers(definition);
  };
  steps.push(...reloaded.filter(first).map(reload));
  for (const { name, member } of members) {
    const cause = touched.find(({ service }) => service === name)?.cause ?? '';
    steps.push({ kind: 'replace-member', service: name, member, by: 'recreate', waitSeconds, cause });
  }
  for (const { name, rolling } of admitted) {
    const cause = facts.drained.includes(name) ? 'an earlier run had taken it out' : 'it runs, and its balancer sends it nothing';
    steps.push({ kind: 'admit', service: name, rolling: rolling as Rolling, waitSeconds, cause });
  }
  const rollsIn = (name: string) => services.get(name) as Service & { rolling: Rolling };
  const together = rolledNames.filter((name) => rollsIn(name).rolling.strategy === 'recreate');
  const stopped = recreates ? wanted.filter(({ name }) => drained.some(({ service }) => service === name)) : [];
  steps.push(...recreateSteps(together.map(rollsIn), stopped, waitSeconds));
  const behind = ({ component, rolling: own }: Service) =>
    wanted.filter((other) => other.component === component && other.rolling?.balancer === own?.balancer && running(other.name));
  const named = ({ service, cause }: Change) => ({ name: service, cause, process: services.get(service)?.process });
  const single = rolled.filter(({ service }) => !together.includes(service));
  for (const { name, cause, process } of inReleaseOrder([...idleFirst(single.map(named), facts.serving), ...drained.map(named)])) {
    const service = services.get(name) as Service;
    const common = { service: name, by: 'recreate', waitSeconds, cause } as const;
    if (process?.drains) steps.push({ kind: 'replace-worker', drains: process.drains, ...common });
    else steps.push({ kind: 'replace', rolling: service.rolling as Rolling, others: behind(service).length - 1, ...common });
  }
  steps.push(...reloaded.filter((change) => !first(change)).map(reload));
  const balancers = new Set(early.flatMap(({ service }) => services.get(service)?.rolling?.balancer ?? []));
  for (const { service } of early) if ([...services.values()].some(({ rolling }) => rolling?.balancer === service)) balancers.add(service);
  for (const service of balancers)
    steps.push({ kind: 'await-balancer', service, waitSeconds, cause: 'a page is served only by a replica that is ready' });
  const gone = removed.map(({ service }) => service);
  if (lastly)
    steps.push(
      ...drainedFirst(admitted, gone),
      facts.only
        ? { kind: 'remove-services', services: gone, cause: 'no longer part of the stack' }
        : compose(removed, { alone: false, forced: [] }),
    );
  for (const service of new Set([...touched, ...reloaded].map((change) => change.service))) {
    const definition = services.get(service);
    if (definition?.reload)
      steps.push({
        kind: 'mark-applied',
        service,
        certificates: certificatesOf(definition).map(({ name }) => name),
        secrets: definition.reloadsSecrets === true && definition.secrets.length > 0,
        cause: 'so that the next plan knows',
      });
  }
  return steps;
}
