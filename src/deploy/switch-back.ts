import type { Execution } from '../capability/capability.ts';
import { checkCompose } from '../docker/compose.ts';
import { execute } from '../project/execute.ts';
import type { Step } from '../reconcile/plan/step.ts';
import { planProject } from '../reconcile/plan-project.ts';
import { prepare, readOverrides } from '../reconcile/prepare.ts';
import { askBalancer } from '../reconcile/replicas/ask-balancer.ts';
import type { Overrides } from '../stack/overrides.ts';
import { withRole } from '../stack/roles.ts';
import { protocolName, type Rolling } from '../stack/types.ts';
import { refuseEdited } from '../state/hand-edits.ts';
import { endKept, type Kept, keptRelease } from '../state/kept.ts';
import { hooksOf } from './hooks.ts';
import { deployedOf, findTarget, keepServing, servicesIn } from './plan/deploy.ts';
import { currentRelease, interruptedRelease, nextRelease, type Release, releaseTag } from './plan/releases.ts';
import { switchSteps } from './plan/strategy.ts';
import { type Audit, type DeployOutcome, releaseEntry, type Site, secondsSince } from './site.ts';
import { idsNow } from './store/obtain-images.ts';
import { keepImage, readReleases, releaseImage, remember, saveRelease } from './store/release-store.ts';

/** How long a replica that still runs may take to answer before a rollback starts others instead. */
const ANSWER_SECONDS = 2;

interface Way {
  kept: Kept;
  target: Release;
  current: Release | undefined;
  release: string;
  steps: Step[];
  serving: { name: string; rolling: Rolling }[];
}

/** Whether a rollback can go to replicas that still run; undefined where it has to start others. Changes nothing. */
async function findWay({ state, engine, loaded, context, asked }: Site): Promise<Way | undefined> {
  const kept = asked.to === undefined ? undefined : keptRelease(state, context.clock.now());
  if (!kept) return undefined;
  const releases = readReleases(state);
  const ordered = readOverrides(state).app?.release;
  const target = findTarget(releases, asked.to as string);
  if (target.id !== kept.release || interruptedRelease(releases, ordered)) return undefined;
  const running = (await engine.observe(loaded.settings.project))
    .filter((entry) => entry.state === 'running')
    .map(({ service }) => service);
  const serving = withRole(state.manifest()?.services, 'application').flatMap(({ name, rolling }) => (rolling ? [{ name, rolling }] : []));
  const names = kept.replicas.map(({ service }) => service);
  if (!names.every((name) => running.includes(name)) || serving.some(({ name }) => names.includes(name))) return undefined;
  const to = kept.replicas.map(({ service, rolling }) => ({ name: service, rolling }));
  const steps = switchSteps(serving, to, 'the release before still runs').flatMap((step) => [
    // Visitors are back with it before the last request to the other one has ended.
    { ...step, drainSeconds: 0 },
    { ...step, to: [], cause: 'their requests end before they are removed' },
  ]);
  return { kept, target, current: currentRelease(releases), release: nextRelease(releases, ordered), steps, serving };
}

const outcomeOf = (site: Site, { release, current, target, kept }: Way, result: DeployOutcome['result']): DeployOutcome => ({
  release,
  previous: current?.id ?? null,
  image: target.image,
  replicas: kept.replicas.length,
  result,
  seconds: secondsSince(site.context, site.started),
});

/** A dry run of `switchBack`. */
export async function describeSwitch(site: Site): Promise<DeployOutcome | undefined> {
  const way = await findWay(site);
  return way && { ...outcomeOf(site, way, 'planned'), steps: way.steps };
}

/**
 * A rollback to the release before, whose replicas still run: visitors are sent to them by one command, then those of the other release
 * are removed. It is remembered first that they are to serve, so that `up` completes it where this is killed.
 * @returns undefined where they do not run, or do not answer: a deploy of that release starts others
 */
export async function switchBack(site: Site, run: Execution, audit: Audit): Promise<DeployOutcome | undefined> {
  const { state, context, loaded, engine } = site;
  const way = await findWay(site);
  if (!way) return undefined;
  refuseEdited(state);
  const [mute, { portal }] = await Promise.all([unanswered(way.kept, run), prepare(context, loaded, { unchecked: true })]);
  if (mute !== undefined) {
    context.report.note(`the replicas of ${way.kept.release} that still run do not answer (${mute}): others are started`);
    return undefined;
  }
  const { release, target, kept, steps } = way;
  const { project } = loaded.settings;
  const image = await releaseImage(project, target, portal(), run);
  const hook = hooksOf(context, loaded, { release, image: target.image, previous: way.current?.id });
  audit.record(steps);
  await hook('pre');
  const entry = (result: Release['result']) =>
    releaseEntry(site, { release, candidate: { image: target.image, version: target.version } }, image, result);
  saveRelease(state, entry('running'));
  const names = kept.replicas.map(({ service }) => service);
  state.noteDrained([...new Set([...state.drained(), ...names])]);
  const app = loaded.settings.app as { image?: string };
  const now = { app, portal: portal(), services: servicesIn(loaded.settings) };
  const served = keepServing(kept.overrides, target, now, await idsNow(engine, target), project);
  await remember(state, run, restored(readOverrides(state), served, release), 'the release before is to serve');
  await execute(steps.slice(0, 1), run);
  const switchedSeconds = secondsSince(context, site.started);
  await keepImage(engine, releaseTag(project, release), image);
  saveRelease(state, entry('deployed'));
  await checkCompose(run.docker);
  await execute(steps.slice(1), run);
  endKept(state);
  const plan = await planProject(context, loaded, engine, { only: deployedOf(loaded.settings), deploying: true });
  await execute(plan.steps, { ...run, prepared: { ...run.prepared, secrets: plan.prepared.secrets }, lives: new Map() });
  await hook('post', { MEDIANEST_RESULT: 'deployed' }).catch((error: Error) =>
    context.report.warn(`${error.message}; the release serves nevertheless`),
  );
  return { ...outcomeOf(site, way, 'deployed'), switchedSeconds };
}

/** The overrides of now, with those of a release that served before. */
function restored(now: Overrides, { app, slots }: Overrides, release: string): Overrides {
  const { app: _, slots: __, ...rest } = now;
  return { ...rest, ...(app && { app: { ...app, release } }), ...(slots && { slots }) };
}

/** Of all replicas at once, why one cannot serve; undefined where each answers. */
async function unanswered({ replicas }: Kept, run: Execution): Promise<string | undefined> {
  const asked = replicas.map(async ({ service, rolling }) => {
    const { balancer, address, readyPath, tls, readyStatuses = [200] } = rolling;
    const protocol = protocolName(tls);
    const asks = ['ask', address, protocol, readyStatuses.join(','), String(ANSWER_SECONDS), readyPath];
    for (const argv of [['meet', service, address, readyPath, protocol], asks]) {
      const { exitCode, output } = await askBalancer(balancer, run, argv);
      if (exitCode !== 0) return `${service}: ${output.trim()}`;
    }
    return undefined;
  });
  return (await Promise.all(asked)).find((problem) => problem !== undefined);
}
