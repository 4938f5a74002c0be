import type { Context, Execution, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { canonical, shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import { checkCompose } from '../docker/compose.ts';
import type { Engine } from '../docker/types.ts';
import { execute } from '../project/execute.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import type { Step } from '../reconcile/plan/step.ts';
import { planProject } from '../reconcile/plan-project.ts';
import { prepare, readOverrides } from '../reconcile/prepare.ts';
import { proveLives } from '../reconcile/roll.ts';
import { emptySecrets } from '../secrets/store/secret-files.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Overrides } from '../stack/overrides.ts';
import { namesOf } from '../stack/roles.ts';
import { refuseEdited } from '../state/hand-edits.ts';
import { refuseUnread } from '../state/launch-program.ts';
import type { StateFolder } from '../state/state.ts';
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
} from './plan/deploy.ts';
import { currentRelease, nextRelease, type Release, settleInterrupted, withRelease } from './plan/releases.ts';
import { idsNow, type Obtained, obtainImages } from './store/obtain-images.ts';
import { readReleases, saveRelease, settleReleases } from './store/release-store.ts';

export interface DeployAsked {
  /** The image to deploy; the settings' own where not given. */
  image?: string | undefined;
  /** Ask the registry even where the engine has the image. */
  pull: boolean;
  /** Back to this release, or to the one before the current where it is `previous`. */
  to?: string | undefined;
  waitSeconds: number | undefined;
}

export interface DeployOutcome {
  release: string;
  previous: string | null;
  image: string;
  replicas: number;
  result: 'deployed' | 'reverted' | 'planned';
  seconds: number;
  /** Why it was reverted. */
  error?: { code: string; message: string; hint: string };
  steps?: Step[];
}

/** What a deploy works with, and what it was asked for. */
interface Site {
  context: Context;
  loaded: Loaded;
  state: StateFolder;
  engine: Engine;
  asked: DeployAsked;
  /** As the audit log names it. */
  command: string;
  started: Date;
}

/**
 * Puts a version of the application into service, one replica at a time behind the balancer. Until the last replica is
 * ready the old version keeps serving and stays what `up` would bring back: a deploy that fails, or is killed, goes back.
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
  if (context.flags.dryRun) return describePlan(site, await look(site));
  requireManifest(state);
  return withLock(context, state, command, async (lock, record, fail) => {
    const docker = await context.docker();
    await checkCompose(docker);
    const { project } = loaded.settings;
    const execution: Execution = { context, prepared: { state, secrets: emptySecrets, project }, engine, docker, lock };
    return carryOut(site, await look(site), execution, { record, fail });
  });
}

type Seen = Awaited<ReturnType<typeof look>>;

/** What serves, and what would take its place. Changes nothing. */
async function look({ context, loaded, state, engine, asked, started }: Site) {
  refuseEdited(state);
  const { project } = loaded.settings;
  const app = loaded.settings.app as { image?: string; replicas: number };
  const services = servicesIn(loaded.settings);
  const overrides = readOverrides(state);
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
  const candidate = candidateOf({ app, portal, services }, { image: asked.image, target }, release, project);
  const outcome = (result: DeployOutcome['result']): DeployOutcome => ({
    release,
    previous: previous?.id ?? null,
    image: candidate.image,
    replicas: namesOf(now.prepared.stack.services, 'application').length,
    result,
    seconds: secondsSince(context, started),
  });
  return { ordered, previous, portal, kept, serving, stack: now.prepared.stack, target, release, candidate, outcome };
}

const secondsSince = (context: Context, started: Date): number => (context.clock.now().getTime() - started.getTime()) / 1000;

/** The steps towards the candidate. @throws UserError where it speaks another protocol than what serves */
async function planCandidate({ context, loaded, engine, asked }: Site, { candidate, stack }: Seen) {
  const more = { only: deployedOf(loaded.settings), deploying: true, waitSeconds: asked.waitSeconds };
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
  return { ...seen.outcome('planned'), steps: deploySteps(shown, prepared.stack) };
}

async function carryOut(
  site: Site,
  seen: Seen,
  execution: Execution,
  audit: { record: (plan: unknown) => void; fail: (code: string) => void },
): Promise<DeployOutcome> {
  const { context, loaded, state, asked } = site;
  const { previous, portal, target, release, candidate, outcome } = seen;
  const { project } = loaded.settings;
  const obtained = await obtainImages({ project, release, candidate, target, portal, fresh: asked.pull }, execution);
  const plan = await planCandidate(site, seen);
  refuseUnread(plan.prepared.stack);
  const steps = deploySteps(plan.steps, plan.prepared.stack);
  audit.record(steps);
  const hook = hooksOf(context, loaded, { release, image: candidate.image, previous: previous?.id });
  await hook('pre');
  // The image that serves may have lost its name to the new one.
  const kept = previous ? await seen.serving() : seen.kept;
  await remember(state, execution, kept, 'what serves now, until every replica runs the new version');
  settleReleases(state, seen.ordered);
  saveRelease(state, releaseEntry(site, seen, obtained, 'running'));
  const rolling: Execution = { ...execution, prepared: { state, secrets: plan.prepared.secrets, project }, lives: new Map() };
  try {
    await execute(steps, rolling);
    await proveLives(rolling);
  } catch (error) {
    if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw stopped(error, release, previous);
    await goBack(context, loaded, rolling, error, previous);
    // Its further lines are the application's own log, which may contain anything.
    saveRelease(state, releaseEntry(site, seen, obtained, 'reverted', error.message.split('\n')[0]));
    audit.fail(error.code);
    return { ...outcome('reverted'), error: error.toJSON() };
  }
  await remember(state, execution, candidate.overrides(readOverrides(state)), 'every replica runs it');
  saveRelease(state, releaseEntry(site, seen, obtained, 'deployed'));
  await hook('post', { MEDIANEST_RESULT: 'deployed' }).catch((error: Error) =>
    context.report.warn(`${error.message}; the release serves nevertheless`),
  );
  return outcome('deployed');
}

async function remember(state: StateFolder, run: Execution, wanted: Overrides, cause: string): Promise<void> {
  if (canonical(wanted) !== canonical(readOverrides(state))) await execute([{ kind: 'store-overrides', overrides: wanted, cause }], run);
}

function releaseEntry(site: Site, seen: Seen, image: Obtained, result: Release['result'], error?: string): Release {
  const { release, candidate } = seen;
  return {
    id: release,
    image: candidate.image,
    imageId: image.id,
    digests: image.digests,
    ...(Object.keys(image.images).length > 0 && { images: image.images }),
    settings: shortHash(candidate.version),
    version: candidate.version,
    time: site.started.toISOString(),
    user: currentUser(),
    command: site.command,
    result,
    seconds: secondsSince(site.context, site.started),
    ...(error && { error }),
  };
}
