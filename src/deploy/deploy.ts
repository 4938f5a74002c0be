import type { Context, Execution, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { canonical, shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import { checkCompose } from '../docker/compose.ts';
import type { Engine, ImageInfo } from '../docker/types.ts';
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
import { hooksOf } from './hooks.ts';
import {
  candidateOf,
  deployedOf,
  deploySteps,
  findTarget,
  type ImageIds,
  keepServing,
  refuseOtherProtocol,
  refuseUnready,
  servicesIn,
} from './plan/deploy.ts';
import {
  currentRelease,
  nextRelease,
  processTag,
  type Release,
  type ReleaseImage,
  releaseTag,
  settleInterrupted,
  withRelease,
} from './plan/releases.ts';
import {
  exactImage,
  imageGone,
  keepImage,
  obtainImage,
  readReleases,
  releaseImage,
  saveRelease,
  settleReleases,
} from './store/release-store.ts';

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

/** What the names of a release's images stand for by now. */
async function idsNow(engine: Engine, release: Release | undefined): Promise<ImageIds> {
  const names = release ? [release.image, ...Object.values(release.images ?? {}).map(({ image }) => image)] : [];
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await engine.image(name))?.id] as const)));
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
  const { context, loaded, state, engine, asked } = site;
  const { previous, portal, target, release, candidate, outcome } = seen;
  const { project } = loaded.settings;
  const image = target
    ? await releaseImage(project, target, portal, execution)
    : await obtainImage(
        candidate.image,
        candidate.image === portal.ref ? portal : { name: 'app', ref: candidate.image },
        asked.pull,
        execution,
      );
  await keepImage(engine, releaseTag(project, release), image);
  const images: Record<string, ReleaseImage> = {};
  for (const [name, ref] of Object.entries(candidate.images)) {
    const was = target?.images?.[name];
    const own = was
      ? await exactImage([processTag(project, target.id, name)], was, execution)
      : await obtainImage(ref, { name, ref }, asked.pull, execution);
    if (!own) throw imageGone(`${release} of ${name}`, was ?? { image: ref, imageId: '' });
    await keepImage(engine, processTag(project, release, name), own);
    images[name] = { image: was?.image ?? ref, imageId: own.id, digests: own.digests };
  }
  const obtained = { ...image, images };
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

function releaseEntry(
  site: Site,
  seen: Seen,
  image: ImageInfo & { images: Record<string, ReleaseImage> },
  result: Release['result'],
  error?: string,
): Release {
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

/** Back to the release that served before: what differs from it is exactly what this deploy has replaced. */
async function goBack(context: Context, loaded: Loaded, run: Execution, cause: UserError, previous: Release | undefined): Promise<void> {
  context.report.warn(`${cause.message}\n  going back to ${previous?.id ?? 'the version before'}`);
  try {
    const back = await planProject(context, loaded, run.engine, { only: deployedOf(loaded.settings), deploying: true });
    await execute(back.steps, { ...run, prepared: { ...run.prepared, secrets: back.prepared.secrets }, lives: new Map() });
  } catch (error) {
    if (error instanceof UserError && error.code === 'INTERRUPTED') throw stopped(error, 'this release', previous);
    throw new UserError(
      'PARTIAL',
      `the deploy failed (${cause.message}), and going back did too: ${(error as Error).message}`,
      '`medianest up` resumes the rollback; `medianest status` shows which replicas serve',
      { cause: error },
    );
  }
}

const stopped = (error: unknown, release: string, previous: Release | undefined): unknown =>
  error instanceof UserError
    ? new UserError(
        error.code,
        `${error.message}; the deploy of ${release} is incomplete, and every replica behind the balancer serves`,
        `\`medianest deploy\` begins it again, \`medianest up\` goes back to ${previous?.id ?? 'the version before'}`,
      )
    : error;
