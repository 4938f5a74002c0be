import type { Context, Project } from '../capability/capability.ts';
import type { Noted } from '../capability/noted.ts';
import { proveServed } from '../certificates/store/prove-served.ts';
import { UserError } from '../core/errors.ts';
import { checkCompose } from '../docker/compose.ts';
import { neededRefs } from '../images/store/images.ts';
import { execute } from '../project/execute.ts';
import { withLock } from '../project/with-lock.ts';
import { certificatesOf } from '../stack/certificates.ts';
import { leftOutLines } from '../stack/images/left-out.ts';
import type { Stack } from '../stack/types.ts';
import { refuseEdited, tellEdited } from '../state/hand-edits.ts';
import { refuseUnread } from '../state/launch-program.ts';
import type { Lock } from '../state/lock.ts';
import { tellFailed } from './beside/tell-failed.ts';
import type { Change, FileChange } from './plan/change.ts';
import { leftBehindText } from './plan/left-data.ts';
import { unjudged } from './plan/settings-trials.ts';
import type { Step } from './plan/step.ts';
import { type Asked, type ProjectPlan, planProject } from './plan-project.ts';
import { livesOf, proveStarted } from './prove-started.ts';

export interface UpOutcome {
  project: string;
  profile: string;
  result: 'changed' | 'unchanged' | 'planned';
  changes: Change[];
  files: FileChange[];
  /** Volumes that nothing reads any more: what comes instead begins without their data. */
  leftBehind: string[];
  /** Volumes whose data comes along. */
  carried: string[];
  /** Only in a dry run: what a real run would execute. */
  steps?: Step[];
  urls: string[];
  /** The root certificate to trust, where the internal CA serves the portal. */
  trust?: string;
  /** What the settings say that this profile does not do, or that cannot be meant. */
  warnings?: readonly string[];
  seconds: number;
}

export interface ConvergeOptions extends Pick<Asked, 'overrides' | 'only' | 'renew' | 'newData' | 'carryData'> {
  /** Replace rendered files that were edited by hand. */
  overwrite: boolean;
  /** Seconds to wait for health. */
  waitSeconds?: number | undefined;
  /** Neither build nor pull. */
  offline?: boolean;
  /** As the audit log names it; `up` where not given. */
  command?: string;
  /** Why, for the audit log: of what no person decided. */
  reason?: string;
  /** A device is let in no more: also beside files that were edited by hand, and during an interrupted restore. */
  removesAccess?: true;
  /** Under the lock, before anything is changed: throws where the plan should not be carried out. */
  accept?(plan: ProjectPlan): Promise<void> | void;
}

/** What becomes of an image that could not be pulled. */
const RETRIED = 'The next `medianest up` tries again.';
const TRIED = '`medianest up` tries to pull it.';

/** How often ranges are chosen again where another project takes them between the choice and the network. */
const RANGE_ATTEMPTS = 4;

/** Brings a project to what its settings say: plan, then the same steps that a dry run prints. */
export async function converge(context: Context, { loaded, state }: Project, options: ConvergeOptions): Promise<UpOutcome> {
  const started = context.clock.now().getTime();
  const { waitSeconds } = options;
  const engine = await context.engine();
  const command = options.command ?? `up --profile ${loaded.profile}`;
  const capabilities = await context.capabilities();
  let checked: Promise<string> | undefined;
  const composeChecked = async () => {
    checked ??= context.docker().then(checkCompose);
    return checked;
  };
  let warnings: readonly string[] | undefined;
  let lacking: readonly string[] = [];
  const tellLeftOut = ({ leftOut }: Stack, next: string) => {
    const lines = leftOutLines(leftOut, next);
    for (const line of lines) if (!lacking.includes(line)) context.report.warn(line);
    lacking = lines;
  };
  const attempt = async (fetch = options.command === undefined && !options.offline, rangeLost = false) => {
    if (!options.overwrite && !options.removesAccess) refuseEdited(state);
    const plan = await planProject(context, loaded, engine, {
      waitSeconds,
      overrides: options.overrides,
      only: options.only,
      renew: options.renew,
      newData: options.newData,
      carryData: options.carryData,
      fetch,
      rangeLost,
      // Other commands leave the networks of the project as they are.
      replaceNetworks: options.command === undefined,
      keepEdits: options.removesAccess,
      // Compose tells its version while the plan is made; a refusal is told where the plan has passed.
      ...(!context.flags.dryRun && { fromNothing: () => void composeChecked().catch(() => undefined) }),
    });
    const { prepared } = plan;
    if (options.offline) refuseMissing(plan.steps, neededRefs(prepared.stack));
    // Once what can be pulled is there, the plan is made again, and says so then.
    const fetches = plan.steps.some(({ kind }) => kind === 'fetch-images');
    for (const line of fetches && !context.flags.dryRun ? [] : prepared.moved) context.report.note(line);
    if (prepared.notIsolated) context.report.warn(prepared.notIsolated);
    // Once, although a plan may be made several times; `deploy` and its like are about other things.
    if (!warnings) {
      warnings = options.command === undefined ? prepared.advice() : [];
      for (const line of warnings) context.report.warn(line);
      if (options.removesAccess) tellEdited(state, context.report);
    }
    // Before they are pulled, nothing is known of it; other commands than `up` are about other things.
    if (options.command === undefined && (context.flags.dryRun || !fetches)) tellLeftOut(prepared.stack, fetches ? TRIED : RETRIED);
    const request = { context, project: { loaded, state }, engine, stack: prepared.stack, only: options.only };
    for (const { up } of capabilities) for (const line of (await up?.announce?.(request)) ?? []) context.report.note(line);
    const outcome = (result: UpOutcome['result']): UpOutcome => ({
      project: prepared.stack.project,
      profile: prepared.stack.profile,
      result,
      changes: plan.changes,
      files: plan.files,
      leftBehind: plan.leftBehind,
      carried: plan.carried,
      urls: prepared.stack.urls,
      ...(prepared.stack.certificates.some((certificate) => certificate.issuer === 'internal-ca') && { trust: state.at('ca', 'root.crt') }),
      ...(lacking.length + (warnings?.length ?? 0) > 0 && { warnings: [...(warnings ?? []), ...lacking] }),
      seconds: (context.clock.now().getTime() - started) / 1000,
    });
    return { prepared, plan, outcome };
  };
  if (context.flags.dryRun) {
    const { plan, outcome } = await attempt();
    return { ...outcome('planned'), steps: plan.steps };
  }
  const work = async (lock: Lock, record: (plan: unknown) => void) => {
    let { prepared, plan, outcome } = await attempt();
    await options.accept?.(plan);
    const docker = await context.docker();
    const noted: Noted = {};
    const run = (steps: readonly Step[]) =>
      execute(steps, {
        context,
        prepared: { state, secrets: prepared.secrets, project: prepared.stack.project },
        engine,
        docker,
        lock,
        noted,
      });
    const fetching = plan.steps.filter(({ kind }) => kind === 'fetch-images');
    if (fetching.length > 0) {
      await run(fetching);
      ({ prepared, plan, outcome } = await attempt(false));
    }
    const ended = (changed: readonly string[]) => {
      const request = { context, project: { loaded, state }, engine, stack: prepared.stack, only: options.only };
      return { ...request, changed, started: new Date(started), seconds: outcome('changed').seconds, command, noted };
    };
    const finish = async (changed: readonly string[]) => {
      for (const { up } of capabilities) await up?.finished?.(ended(changed));
    };
    if (plan.steps.length === 0) {
      await finish([]);
      return outcome('unchanged');
    }
    const left = leftBehindText(plan.leftBehind);
    if (left) context.report.warn(left);
    record(plan.steps);
    await composeChecked();
    const request = { context, project: { loaded, state }, engine, stack: prepared.stack, only: options.only };
    for (const { up } of capabilities) await up?.begins?.(request, command);
    const early = beforeRendering(plan.steps, prepared.stack);
    if (early.length > 0) {
      await run(early);
      ({ prepared, plan, outcome } = await attempt(false));
    }
    refuseUnread(prepared.stack);
    const before = await livesOf(engine, prepared.stack.project);
    const tried = [...early];
    try {
      for (let left = RANGE_ATTEMPTS; ; left--) {
        const steps = unjudged(plan.steps, tried);
        tried.push(...steps);
        try {
          await run(steps);
          break;
        } catch (error) {
          if (left === 0 || !(error instanceof UserError && error.code === 'RANGE_LOST')) throw error;
          // Two that come up at once have chosen the same free range: one of them had to lose it.
          context.report.note(`${error.message}: choosing again`);
          ({ prepared, plan, outcome } = await attempt(false, true));
        }
      }
      const issued = tried.flatMap((step) => (step.kind === 'issue-certificate' ? [step.certificate] : []));
      await proveServed(state, prepared.stack, issued, engine, context.signal);
      await proveStarted(context, engine, prepared.stack, before);
    } catch (error) {
      await tellFailed(capabilities, ended([]), error);
      throw error;
    }
    await finish(plan.changes.flatMap(({ action, service }) => (action === 'keep' ? [] : [service])));
    return outcome('changed');
  };
  return withLock(context, state, command, work, {
    // What an autoscaler or a renewal does gives the kernel no key that a person has removed.
    ...(/^up( |$)/.test(command) && { accepts: true, unlocks: true }),
    ...(options.reason && { reason: options.reason }),
    ...(options.removesAccess && { removesAccess: true }),
  });
}

/** @throws UserError IMAGE_MISSING with all of them at once */
function refuseMissing(steps: readonly Step[], needed: readonly string[]): void {
  const absent = steps.flatMap((step) => (step.kind === 'build-image' ? [step.image.ref] : step.kind === 'pull-image' ? [step.ref] : []));
  // What others are only built upon is not needed to run them.
  const missing = absent.filter((ref) => needed.includes(ref));
  if (missing.length === 0) return;
  throw new UserError(
    'IMAGE_MISSING',
    `the engine does not have ${missing.join(', ')}, and --offline neither builds nor pulls; nothing was changed`,
    'bring them: `medianest images save` on a host that has them, then `medianest images load FILE` here',
  );
}

/**
 * A container that cannot reload takes a renewed certificate by being recreated, so its serial is part of what is rendered:
 * such a certificate, and the images that issuing it needs, come before the rest is planned. So does an image that says how it is started.
 * A refusal of settings comes first of all.
 */
function beforeRendering(steps: readonly Step[], stack: Stack): Step[] {
  const fixed = new Set(stack.services.flatMap((service) => (service.reload ? [] : certificatesOf(service).map(({ name }) => name))));
  const early = steps.filter((step) => step.kind === 'issue-certificate' && fixed.has(step.certificate.name));
  const before: readonly Step['kind'][] = ['build-image', 'pull-image', 'prove-settings'];
  const unread = stack.services.some((service) => service.unread);
  if (early.length === 0 && unread) return steps.filter(({ kind }) => before.includes(kind));
  return early.length > 0 ? [...steps.filter(({ kind }) => before.includes(kind)), ...early] : [];
}
