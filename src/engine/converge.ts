import type { Context } from '../context.ts';
import { UserError } from '../errors.ts';
import type { Change, FileChange } from '../plan/change.ts';
import type { Step } from '../plan/step.ts';
import { checkCompose } from './compose.ts';
import { execute } from './execute.ts';
import { refuseEdited } from './hand-edits.ts';
import { mutate } from './mutate.ts';
import type { Opened } from './open.ts';
import { survey } from './survey.ts';

export interface UpOutcome {
  project: string;
  profile: string;
  result: 'changed' | 'unchanged' | 'planned';
  changes: Change[];
  files: FileChange[];
  /** Only in a dry run: what a real run would execute. */
  steps?: Step[];
  urls: string[];
  /** The root certificate to trust, where the internal CA serves the portal. */
  trust?: string;
  seconds: number;
}

/** Brings a project to what its settings say: plan, then the same steps that a dry run prints. */
export async function converge(
  context: Context,
  { loaded, state }: Opened,
  options: { overwrite: boolean; timeout: unknown },
): Promise<UpOutcome> {
  const started = context.clock.now().getTime();
  const waitSeconds = seconds(options.timeout);
  const engine = await context.engine();
  const attempt = async () => {
    if (!options.overwrite) refuseEdited(state);
    const plan = await survey(context, loaded, engine, waitSeconds);
    const { prepared } = plan;
    for (const line of prepared.moved) context.report.note(line);
    const outcome = (result: UpOutcome['result']): UpOutcome => ({
      project: prepared.stack.project,
      profile: prepared.stack.profile,
      result,
      changes: plan.changes,
      files: plan.files,
      urls: prepared.stack.urls,
      ...(prepared.stack.certificates.some((certificate) => certificate.issuer === 'internal-ca') && { trust: state.at('ca', 'root.crt') }),
      seconds: (context.clock.now().getTime() - started) / 1000,
    });
    return { prepared, plan, outcome };
  };
  if (context.flags.dryRun) {
    const { plan, outcome } = await attempt();
    return { ...outcome('planned'), steps: plan.steps };
  }
  return mutate(context, state, `up --profile ${loaded.profile}`, async (lock, record) => {
    const { prepared, plan, outcome } = await attempt();
    if (plan.steps.length === 0) return outcome('unchanged');
    record(plan.steps);
    const docker = await context.docker();
    await checkCompose(docker);
    await execute(plan.steps, {
      context,
      prepared: { state, secrets: prepared.secrets, project: prepared.stack.project },
      engine,
      docker,
      lock,
    });
    return outcome('changed');
  });
}

function seconds(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  const parsed = Number(value);
  if (Number.isInteger(parsed) && parsed > 0) return parsed;
  throw new UserError('USAGE', `--timeout ${value}: should be a number of seconds`, 'for example --timeout 300');
}
