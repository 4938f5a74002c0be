import { UserError } from '../../core/errors.ts';
import type { Engine } from '../../docker/types.ts';
import { controllerOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { furthestMember } from '../plan/furthest-member.ts';
import { databaseMembers } from '../plan/holds.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupContext, jobMount } from '../repository/repository.ts';

/** The leader, because it has what was acknowledged last; if no member answers, the one whose files got furthest. */
export async function leaderOf(backups: BackupContext, engine: Engine): Promise<string> {
  const members = databaseMembers(backups.stack);
  if (members[0] && members.length === 1) return members[0].name;
  const controller = controllerOf(members);
  const leaders = leadersOf(await memberStates(engine, await engine.observe(backups.bench.project), controller).catch(() => undefined));
  const led = members.find(({ name }) => leaders.includes(name))?.name;
  if (led) return led;
  const { stdout } = await mustRun(backups.bench, {
    name: 'control-data',
    argv: ['control-data'],
    mounts: members.map(({ name, mounts }) => jobMount(backups.bench.project, mounts[0] as never, `/members/${name}`, true)),
  });
  const furthest = furthestMember(stdout);
  const member = members.find(({ name }) => name === furthest) ?? members[0];
  if (!member) throw new UserError('NOT_RUNNING', 'there is no database to restore', 'use a profile with patroni');
  return member.name;
}
