import type { Context, Execution, Project } from '../capability/capability.ts';
import type { Noted } from '../capability/noted.ts';
import { UserError } from '../core/errors.ts';
import { checkCompose } from '../docker/compose.ts';
import { execute } from '../project/execute.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { withoutRestorePoint } from '../reconcile/plan/migrations.ts';
import type { Step } from '../reconcile/plan/step.ts';
import { planProject } from '../reconcile/plan-project.ts';
import { prepare, readOverrides } from '../reconcile/prepare.ts';
import { proveLives } from '../reconcile/roll.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import type { Overrides } from '../stack/overrides.ts';
import { namesOf } from '../stack/roles.ts';
import type { Stack } from '../stack/types.ts';
import { refuseEdited } from '../state/hand-edits.ts';
import { endKept, noteKept } from '../state/kept.ts';
import { refuseUnread } from '../state/launch-program.ts';
import { goBack, stopped } from './go-back.ts';
import { hooksOf } from './hooks.ts';
import {
  candidateOf,
  deployedOf,
  deploySteps,
  findTarget,
  keepServing,
  refuseOtherProtocol,
  refuseUnready,
  servicesIn,
  unroutedIn,
} from './plan/deploy.ts';
import { migratedSince, migratedText, migrationOf } from './plan/migrated.ts';
import { currentRelease, nextRelease, previousRelease, type Release, settleInterrupted, withRelease } from './plan/releases.ts';
import { type BesideSteps, besideSteps, inOtherSlots, refuseOtherSlots, replicasOf, settlingSteps, strategyOf } from './plan/strategy.ts';
import { type Audit, type DeployAsked, type DeployOutcome, releaseEntry, type Site, secondsSince } from './site.ts';
import { idsNow, obtainImages } from './store/obtain-images.ts';
import { readReleases, remember, saveRelease, settleReleases } from './store/release-store.ts';
import { describeSwitch, switchBack } from './switch-back.ts';
import { countBefore, type WatchOutcome, watch } from './watch.ts';

/**
 * Puts a version of the application into service, by the strategy of its settings. Until that is ready, and was watched for as
 * long as they say, the old version stays what `up` would bring back: a deploy that fails, or is killed, goes back.
 */
export async function deploy(context: Context, { loaded, state }: Project, asked: DeployAsked): Promise<DeployOutcome> {
  if (asked.image !== undefined && !/^[a-z0-9][\w./:@-]*$/i.test(asked.image)) {
    throw new UserError(
      'USAGE',
      `--image ${JSON.stringify(asked.image)} is no image reference`,
      'for example --image ghcr.io/me/app:1.4.0',
    );
  }
  const started = context.clock.now();
  const engine = await context.engine();
  const command = asked.to ? `rollback ${asked.to}` : `deploy${asked.image ? ` --image ${asked.image}` : ''}`;
  const site: Site = { context, loaded, state, engine, asked, command, started };
  const known = readReleases(state);
  const wanted = asked.to === 'previous' ? previousRelease(known) : known.find(({ id }) => id === asked.to);
  const since = wanted && migratedSince(known, wanted);
  if (wanted && since) context.report.warn(migratedText(since, wanted.id));
  const told = (outcome: DeployOutcome): DeployOutcome => ({ ...outcome, ...(since && { migratedSince: since }) });
  if (context.flags.dryRun) return told((await describeSwitch(site)) ?? (await describePlan(site, await look(site))));
  requireManifest(state);
  return withLock(context, state, command, async (lock, record, fail) => {
    const docker = await context.docker();
    const { project } = loaded.settings;
    const execution: Execution = { context, prepared: { state, secrets: emptySecrets, project }, engine, docker, lock };
    const audit = { record, fail };
    const back = await switchBack(site, execution, audit);
    if (back) return told(back);
    await checkCompose(docker);
    return told(await carryOut(site, await look(site), execution, audit));
  });
}

type Seen = Awaited<ReturnType<typeof look>>;

/** What serves, and what would take its place. Changes nothing. */
async function look({ context, loaded, state, engine, asked, started }: Site) {
  refuseEdited(state);
  const { project } = loaded.settings;
  const app = loaded.settings.app as { image?: string; replicas: number; maxReplicas: number };
  const services = servicesIn(loaded.settings);
  const overrides = readOverrides(state);
  refuseOtherSlots(overrides, app.maxReplicas);
  const ordered = overrides.app?.release;
  const releases = settleInterrupted(readReleases(state), ordered).reduce(withRelease, readReleases(state));
  const previous = currentRelease(releases);
  const portal = (await prepare(context, loaded, { unchecked: true })).portal();
  /** What keeps serving, by what the engine has now under the name of its image. */
  const serving = async (): Promise<Overrides> =>
    keepServing(overrides, previous, { app, portal, services }, await idsNow(engine, previous), project);
  // Asked before a new image of the same name can be pulled.
  const kept = await serving();
  const now = await planProject(context, loaded, engine, { overrides: () => kept, only: deployedOf(loaded.settings), deploying: true });
  refuseUnready(now.prepared.stack, now.changes);
  const target = asked.to === undefined ? undefined : findTarget(releases, asked.to);
  const release = nextRelease(releases, ordered);
  const asFar = candidateOf({ app, portal, services }, { image: asked.image, target }, release, project);
  const { stack } = now.prepared;
  const strategy = strategyOf(stack);
  const inSlots = (before: Overrides) => inOtherSlots(asFar.overrides(before), stack.overrides, app.maxReplicas);
  const candidate = strategy === 'blue-green' ? { ...asFar, overrides: inSlots } : asFar;
  const leftovers = now.changes.flatMap(({ action, service }) => (action === 'remove' ? [service] : []));
  const outcome = (result: DeployOutcome['result']): DeployOutcome => ({
    release,
    previous: previous?.id ?? null,
    image: candidate.image,
    replicas: namesOf(stack.services, 'application').length,
    result,
    seconds: secondsSince(context, started),
  });
  const settling = settlingSteps(now.steps);
  return { ordered, previous, portal, kept, serving, stack, target, release, candidate, outcome, strategy, settling, leftovers };
}

/** The steps towards the candidate. @throws UserError where it speaks another protocol than what serves */
async function planCandidate({ context, loaded, engine, asked }: Site, { candidate, stack, strategy, leftovers }: Seen) {
  const without = strategy === 'blue-green' ? leftovers : undefined;
  const more = { only: deployedOf(loaded.settings), deploying: true, waitSeconds: asked.waitSeconds, without };
  const plan = await planProject(context, loaded, engine, { overrides: candidate.overrides, ...more });
  refuseOtherProtocol(stack, plan.prepared.stack);
  return plan;
}

async function describePlan(site: Site, seen: Seen): Promise<DeployOutcome> {
  const { steps, prepared } = await planCandidate(site, seen);
  // The release's own name for the image is given to it only by a real run.
  const { ref, refs = {} } = seen.candidate.overrides({}).app ?? { ref: '' };
  const tags = [ref, ...Object.values(refs)];
  const shown = steps.filter((step) => step.kind !== 'pull-image' || !tags.includes(step.ref));
  const { until, after } = stepsOf(seen, { steps: shown, stack: prepared.stack });
  return { ...seen.outcome('planned'), steps: [...until, ...after] };
}

/** Until the release serves, and after it has proven itself. */
function stepsOf(
  { stack: now, strategy, settling, target }: Seen,
  { steps, stack }: { steps: readonly Step[]; stack: Stack },
): BesideSteps {
  const own = deploySteps(steps, stack, target !== undefined);
  return strategy === 'blue-green' ? besideSteps(own, { stack, now, settling }) : { until: own, after: [] };
}

async function carryOut(site: Site, seen: Seen, execution: Execution, audit: Audit): Promise<DeployOutcome> {
  const { context, loaded, state, asked } = site;
  const { previous, portal, target, release, candidate, outcome, strategy } = seen;
  const { project } = loaded.settings;
  const obtained = await obtainImages({ project, release, candidate, target, portal, fresh: asked.pull }, execution);
  const plan = await planCandidate(site, seen);
  const { stack } = plan.prepared;
  refuseUnread(stack);
  const { until, after } = stepsOf(seen, { steps: plan.steps, stack });
  audit.record([...until, ...after]);
  const hook = hooksOf(context, loaded, { release, image: candidate.image, previous: previous?.id });
  await hook('pre');
  // The image that serves may have lost its name to the new one.
  const kept = previous ? await seen.serving() : seen.kept;
  await remember(state, execution, kept, 'what serves now, until every replica runs the new version');
  settleReleases(state, seen.ordered);
  endKept(state);
  saveRelease(state, releaseEntry(site, seen, obtained, 'running'));
  const noted: Noted = {};
  const run: Execution = { ...execution, prepared: { state, secrets: plan.prepared.secrets, project }, lives: new Map(), noted };
  const migrates = until.findIndex(({ kind }) => kind === 'run-one-off');
  if (migrates >= 0) for (const name of withoutRestorePoint(stack)) context.report.warn(unprotectedText(name));
  let watched: WatchOutcome | undefined;
  try {
    const before = await countBefore(seen.stack, stack, run);
    await execute(until.slice(0, Math.max(0, migrates)), run);
    // Recorded first: a kill in the middle must not hide that the database was changed.
    if (migrates >= 0) saveRelease(state, releaseEntry(site, seen, obtained, 'running', migrationOf({ ...noted, migrated: true })));
    await execute(until.slice(Math.max(0, migrates)), run);
    await proveLives(run);
    watched = await watch(release, stack, before, run);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw stopped(error, release, previous, strategy);
    await goBack(context, loaded, run, { cause: error, previous, stack: seen.stack, attempted: stack });
    // Its further lines are the application's own log, which may contain anything.
    const [reason = ''] = error.message.split('\n');
    saveRelease(state, releaseEntry(site, seen, obtained, 'reverted', { error: reason, ...migrationOf(noted) }));
    audit.fail(error.code, reason);
    return { ...outcome('reverted'), ...found(noted), error: error.toJSON() };
  }
  await remember(state, run, candidate.overrides(readOverrides(state)), 'every replica runs it');
  saveRelease(state, releaseEntry(site, seen, obtained, 'deployed', migrationOf(noted)));
  const stays = strategy === 'blue-green' && previous ? keepFormer(site, seen.stack, previous, kept) : undefined;
  await execute(after, run);
  const unrouted = unroutedIn(seen.stack, stack);
  if (unrouted.length > 0)
    context.report.warn(`the edge has no routes to ${unrouted.join(', ')} yet: it is no part of a deploy\n  Fix: medianest up`);
  await hook('post', { MEDIANEST_RESULT: 'deployed' }).catch((error: Error) =>
    context.report.warn(`${error.message}; the release serves nevertheless`),
  );
  return { ...outcome('deployed'), ...found(noted), ...(watched && { watched }), ...(stays && { kept: stays }) };
}

/** What the outcome says beside its result. */
const found = ({ restorePoint, closedMs }: Noted) => ({
  ...(restorePoint && { restorePoint }),
  ...(closedMs !== undefined && { outageSeconds: closedMs / 1000 }),
});

const unprotectedText = (migration: string): string =>
  `there is no restore point before ${migration}: this stack makes no backups\n  Fix: \`components: { backup: true }\` in medianest.yml`;

/** The replicas of the release before stay beside those that serve. */
function keepFormer({ loaded, state, context }: Site, stack: Stack, { id }: Release, overrides: Overrides): DeployOutcome['kept'] {
  const former = replicasOf(stack);
  const names = former.map(({ name }) => name);
  const now = context.clock.now();
  const { keepSeconds } = loaded.settings.app as { keepSeconds?: number };
  const until = keepSeconds === undefined ? undefined : new Date(now.getTime() + keepSeconds * 1000).toISOString();
  const replicas = former.map(({ name, rolling }) => ({ service: name, rolling }));
  noteKept(state, { release: id, replicas, overrides, since: now.toISOString(), ...(until && { until }) });
  state.noteDrained(state.drained().filter((name) => !names.includes(name)));
  return { release: id, until: until ?? null };
}
