import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { shown } from '../core/reporter.ts';
import type { Engine } from '../docker/types.ts';
import { requireManifest } from '../project/open.ts';
import { withLock } from '../project/with-lock.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { type Answer, callController, controllerOf, failed, leadersOf, memberStates, REFUSED } from './agent-cli.ts';
import { forgetChange, interruptedFrom, noteChange } from './leader-journal.ts';

export interface LeaderChange {
  before: string | null;
  leader: string | null;
  /** `unchanged`: the wanted leader led already. */
  result: 'changed' | 'unchanged' | 'planned';
  seconds: number;
}

export interface LeaderRequest {
  /** `switchover` is planned and asks the leader to hand over, `failover` is for one that does not answer. */
  how: 'switchover' | 'failover';
  /** The member that is to lead; the best one where it is not given. */
  to: string | undefined;
  /** A failover although the leader answers. */
  force: boolean;
}

/**
 * Changes the leader of the database. The controller decides whether it may: it asks the leader itself.
 * @throws UserError LEADER_REFUSED where nothing was changed
 */
export async function changeLeader(context: Context, { loaded, state }: Project, { how, to, force }: LeaderRequest): Promise<LeaderChange> {
  const { names, controller } = databaseOf(state, how, to);
  const engine = await context.engine();
  const project = loaded.settings.project;
  const argv = [how, ...(to ? ['--to', to] : []), ...(force ? ['--force'] : [])];
  return withLock(context, state, argv.join(' '), async (_lock, record) => {
    const containers = await engine.observe(project);
    refuseForeign(project, containers, state.root);
    const states = await memberStates(engine, containers, controller);
    const before = leaderAmong(names, states);
    if (context.flags.dryRun) {
      if (how === 'failover' && !force && before !== null && states?.[before]?.ok)
        throw refused(`${before} leads and answers: use switchover, or failover --force`);
      return { before, leader: to ?? null, result: 'planned', seconds: 0 };
    }
    const started = context.clock.now();
    // The same command, run again after a kill: where another member leads by now, the change has happened.
    const from = interruptedFrom(state, started);
    noteChange(state, from ?? before, started);
    const answer = await shown(context.report, `${how}${to ? ` to ${to}` : ''}`, () =>
      ask(engine, project, controller, [...argv, ...(from ? ['--from', from] : [])]),
    ).catch((error) => {
      if (!from && error instanceof UserError && error.code === 'LEADER_REFUSED') forgetChange(state);
      throw error;
    });
    const result = answer.exitCode === 0 && answer.lines.includes('unchanged') ? 'unchanged' : 'changed';
    if (result === 'changed') record(argv);
    if (answer.exitCode !== 0) throw failed(argv, answer);
    forgetChange(state);
    const leader = leaderAmong(names, await memberStates(engine, await engine.observe(project), controller));
    return { before, leader, result, seconds: (context.clock.now().getTime() - started.getTime()) / 1000 };
  });
}

/** @throws UserError LEADER_REFUSED where nothing was changed */
async function ask(engine: Engine, project: string, controller: string, argv: readonly string[]): Promise<Answer> {
  const answer = await callController(engine, project, controller, argv);
  if (!answer) throw refused(`${controller} does not run, and only it changes the leader`);
  if (answer.exitCode === REFUSED) throw refused(answer.lines.at(-1) ?? 'no reason was given');
  return answer;
}

const leaderAmong = (names: readonly string[], states: Awaited<ReturnType<typeof memberStates>>): string | null =>
  leadersOf(states).find((name) => names.includes(name)) ?? null;

const refused = (why: string): UserError =>
  new UserError(
    'LEADER_REFUSED',
    `${why}; nothing was changed`,
    '`medianest status` shows the leader and the others, `medianest health` what is wrong',
  );

/** The members of the database, and their controller. @throws UserError where there is no leader to change */
function databaseOf(state: Project['state'], how: string, to: string | undefined): { names: string[]; controller: string } {
  const members = requireManifest(state).services.filter(({ member }) => member?.group === 'database');
  const names = members.map(({ name }) => name);
  const controller = controllerOf(members);
  if (!controller || members.length < 2) {
    const why = members.length === 1 ? 'the database has one member alone' : 'what runs here has no database of several members';
    throw new UserError(
      'NOT_RUNNING',
      `${why}; nothing was changed`,
      'a profile with `patroni` and `agent`, and `database.members: 2` or more',
    );
  }
  if (to && !names.includes(to))
    throw new UserError('USAGE', `--to ${to}: should be one of ${names.join(', ')}`, `medianest ${how} --to ${names[1]}`);
  return { names, controller };
}
