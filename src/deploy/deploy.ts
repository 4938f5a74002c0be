import path from 'node:path';
import type { Context, Execution, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { canonical, shortHash } from '../core/hash.ts';
import { currentUser } from '../core/user.ts';
import { checkCompose, runProgram } from '../docker/compose.ts';
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
import { refuseEdited } from '../state/hand-edits.ts';
import { candidateOf, DEPLOYED, deploySteps, findTarget, keepServing, refuseOtherProtocol, refuseUnready } from './plan/deploy.ts';
import { currentRelease, nextRelease, type Release, releaseTag, settleInterrupted, withRelease } from './plan/releases.ts';
import { keepImage, obtainImage, readReleases, releaseImage, saveRelease, settleReleases } from './store/release-store.ts';

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
  const seconds = () => (context.clock.now().getTime() - started.getTime()) / 1000;
  const engine = await context.engine();
  const project = loaded.settings.project;
  const command = asked.to ? `rollback ${asked.to}` : `deploy${asked.image ? ` --image ${asked.image}` : ''}`;
  const run = async (
    execution: Execution | undefined,
    record: (plan: unknown) => void,
    fail: (code: string) => void,
  ): Promise<DeployOutcome> => {
    refuseEdited(state);
    const app = loaded.settings.app as { image?: string; replicas: number };
    const overrides = readOverrides(state);
    const ordered = overrides.app?.release;
    const releases = settleInterrupted(readReleases(state), ordered).reduce(withRelease, readReleases(state));
    const previous = currentRelease(releases);
    const portal = (await prepare(context, loaded, { unchecked: true })).portal();
    // Asked before a new image of the same name can be pulled.
    const named = previous && (await engine.image(previous.image))?.id;
    let kept = keepServing(overrides, previous, { app, portal }, named, project);
    const now = await planProject(context, loaded, engine, { overrides: () => kept, only: DEPLOYED, deploying: true });
    refuseUnready(now.prepared.stack, now.changes);
    const target = asked.to === undefined ? undefined : findTarget(releases, asked.to);
    const release = nextRelease(releases, ordered);
    const candidate = candidateOf(app, portal, { image: asked.image, target }, release, project);
    const outcome = (result: DeployOutcome['result']): DeployOutcome => ({
      release,
      previous: previous?.id ?? null,
      image: candidate.image,
      replicas: now.prepared.stack.services.filter((service) => service.component === 'app' && !service.oneOff).length,
      result,
      seconds: seconds(),
    });
    const planned = () =>
      planProject(context, loaded, engine, {
        overrides: candidate.overrides,
        only: DEPLOYED,
        deploying: true,
        waitSeconds: asked.waitSeconds,
      });
    if (!execution) {
      const { steps, prepared } = await planned();
      refuseOtherProtocol(now.prepared.stack, prepared.stack);
      // The release's own name for the image is given to it only by a real run.
      const shown = steps.filter((step) => step.kind !== 'pull-image' || step.ref !== releaseTag(project, release));
      return { ...outcome('planned'), steps: deploySteps(shown, prepared.stack) };
    }

    const image = target
      ? await releaseImage(project, target, portal, execution)
      : await obtainImage(
          candidate.image,
          candidate.image === portal.ref ? portal : { name: 'app', ref: candidate.image },
          asked.pull,
          execution,
        );
    await keepImage(engine, project, release, image);
    const plan = await planned();
    refuseOtherProtocol(now.prepared.stack, plan.prepared.stack);
    const steps = deploySteps(plan.steps, plan.prepared.stack);
    record(steps);
    const running = execution;
    const remember = async (wanted: Overrides, cause: string) => {
      if (canonical(wanted) !== canonical(readOverrides(state)))
        await execute([{ kind: 'store-overrides', overrides: wanted, cause }], running);
    };
    const entry = (result: Release['result'], error?: string): Release => ({
      id: release,
      image: candidate.image,
      imageId: image.id,
      digests: image.digests,
      settings: shortHash(candidate.version),
      version: candidate.version,
      time: started.toISOString(),
      user: currentUser(),
      command,
      result,
      seconds: seconds(),
      ...(error && { error }),
    });
    const hookEnv = {
      MEDIANEST_PROJECT: project,
      MEDIANEST_RELEASE: release,
      MEDIANEST_IMAGE: candidate.image,
      MEDIANEST_PREVIOUS: previous?.id ?? '',
    };
    const hooks = (loaded.settings.app as { hooks: { pre: string[]; post: string[] } }).hooks;
    await runHook('pre', hooks.pre, loaded.root, hookEnv, execution);
    if (previous) kept = keepServing(overrides, previous, { app, portal }, (await engine.image(previous.image))?.id, project);
    await remember(kept, 'what serves now, until every replica runs the new version');
    settleReleases(state, ordered);
    saveRelease(state, entry('running'));
    execution = { ...execution, prepared: { state, secrets: plan.prepared.secrets, project }, lives: new Map() };
    try {
      await execute(steps, execution);
      await proveLives(execution);
    } catch (error) {
      if (!(error instanceof UserError) || error.code === 'INTERRUPTED') throw stopped(error, release, previous);
      await goBack(context, loaded, execution, error, previous);
      // Its further lines are the application's own log, which may contain anything.
      saveRelease(state, entry('reverted', error.message.split('\n')[0]));
      fail(error.code);
      return { ...outcome('reverted'), error: error.toJSON() };
    }
    await remember(candidate.overrides(readOverrides(state)), 'every replica runs it');
    saveRelease(state, entry('deployed'));
    await runHook('post', hooks.post, loaded.root, { ...hookEnv, MEDIANEST_RESULT: 'deployed' }, execution).catch((error: Error) =>
      context.report.warn(`${error.message}; the release serves nevertheless`),
    );
    return outcome('deployed');
  };
  if (context.flags.dryRun)
    return run(
      undefined,
      () => {},
      () => {},
    );
  requireManifest(state);
  return withLock(context, state, command, async (lock, record, fail) => {
    const docker = await context.docker();
    await checkCompose(docker);
    return run({ context, prepared: { state, secrets: emptySecrets, project }, engine, docker, lock }, record, fail);
  });
}

async function runHook(
  name: 'pre' | 'post',
  argv: readonly string[],
  root: string,
  env: Record<string, string>,
  run: Execution,
): Promise<void> {
  const [program, ...args] = argv;
  if (program === undefined) return;
  const task = run.context.report.task(`hook ${name}: ${argv.join(' ')}`);
  const file = program.includes('/') ? path.resolve(root, program) : program;
  const { exitCode, tail } = await runProgram(file, args, {
    cwd: root,
    env,
    signal: run.context.signal,
    onLine: (line) => task.detail(line),
  });
  if (exitCode === 0) return task.done();
  task.failed();
  throw new UserError(
    'HOOK_FAILED',
    `the ${name} hook ended with status ${exitCode}: ${tail.slice(-3).join(' | ')}${name === 'pre' ? '; nothing was changed' : ''}`,
    'correct the hook (app.hooks in medianest.yml)',
  );
}

/** Back to the release that served before: what differs from it is exactly what this deploy has replaced. */
async function goBack(context: Context, loaded: Loaded, run: Execution, cause: UserError, previous: Release | undefined): Promise<void> {
  context.report.warn(`${cause.message}\n  going back to ${previous?.id ?? 'the version before'}`);
  try {
    const back = await planProject(context, loaded, run.engine, { only: DEPLOYED, deploying: true });
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
