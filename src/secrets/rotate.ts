import type { Context, Project } from '../capability/capability.ts';
import { requireManifest } from '../project/open.ts';
import { converge } from '../reconcile/converge.ts';
import { prepare } from '../reconcile/prepare.ts';
import { type Round, rotation } from './plan/rotation.ts';

export interface RotateOutcome {
  secret: string;
  result: 'rotated' | 'planned';
  rounds: string[];
  seconds: number;
}

/** Replaces a secret everywhere. If it is killed or fails, the password in use stays valid, and the same command continues. */
export async function rotate(context: Context, project: Project, name: string): Promise<RotateOutcome> {
  const started = context.clock.now().getTime();
  requireManifest(project.state);
  const planned = async () => rotation((await prepare(context, project.loaded, { unchecked: true })).stack, name);
  let rounds = await planned();
  const outcome = (result: RotateOutcome['result']): RotateOutcome => ({
    secret: name,
    result,
    rounds: rounds.map(({ says }) => says),
    seconds: (context.clock.now().getTime() - started) / 1000,
  });
  if (context.flags.dryRun) return outcome('planned');
  const bring = (what: Pick<Round, 'renew' | 'overrides'>) =>
    converge(context, project, { overwrite: false, command: `secrets rotate ${name}`, ...what });
  // An unfinished rotation comes first: a password that a replica still uses is not idle.
  await bring({ renew: [] });
  rounds = await planned();
  for (const { says, renew, overrides } of rounds) {
    context.report.note(says);
    await bring({ renew, ...(overrides && { overrides }) });
  }
  return outcome('rotated');
}
