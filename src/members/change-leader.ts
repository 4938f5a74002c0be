import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shown } from '../core/reporter.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { askController, controllerOf, leadersOf, memberStates } from './agent-cli.ts';

export interface LeaderChange {
  before: string | null;
  leader: string | null;
  result: 'changed' | 'planned';
  seconds: number;
}

/**
 * Changes the leader of the database: `switchover` is planned and asks the leader to hand over, `failover` works without one
 * that answers. @param to the member that is to lead; the best one where it is not given
 */
export async function changeLeader(
  context: Context,
  { loaded, state }: Project,
  how: 'switchover' | 'failover',
  to: string | undefined,
): Promise<LeaderChange> {
  const members = requireManifest(state).services.filter(({ member }) => member?.group === 'database');
  const controller = controllerOf(members);
  if (!controller || members.length < 2) {
    const why = members.length === 1 ? 'the database has one member alone' : 'what runs here has no database of several members';
    throw new UserError(
      'NOT_RUNNING',
      `${why}; nothing was changed`,
      'a profile with `patroni` and `agent`, and `database.members: 2` or more',
    );
  }
  if (to && !members.some(({ name }) => name === to))
    throw new UserError(
      'USAGE',
      `--to ${to}: should be one of ${members.map(({ name }) => name).join(', ')}`,
      `medianest ${how} --to ${members[1]?.name}`,
    );
  const engine = await context.engine();
  const project = loaded.settings.project;
  return withLock(context, state, `${how}${to ? ` --to ${to}` : ''}`, async (_lock, record) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const names = new Set(members.map(({ name }) => name));
    const leader = async () =>
      leadersOf(await memberStates(engine, await engine.observe(project), controller)).find((name) => names.has(name)) ?? null;
    const before = await leader();
    if (context.flags.dryRun) return { before, leader: to ?? null, result: 'planned', seconds: 0 };
    record([how, to ?? null]);
    const started = context.clock.now().getTime();
    await shown(context.report, `${how}${to ? ` to ${to}` : ''}`, () =>
      askController(engine, project, controller, [how, ...(to ? ['--to', to] : [])]),
    );
    return { before, leader: await leader(), result: 'changed', seconds: (context.clock.now().getTime() - started) / 1000 };
  });
}
