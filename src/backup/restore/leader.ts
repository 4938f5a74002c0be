import { UserError } from '../../core/errors.ts';
import type { Engine } from '../../docker/types.ts';
import { keeperOf, leadersOf, memberStates } from '../../members/agent-cli.ts';
import { databaseMembers } from '../plan/holds.ts';
import { mustRun } from '../repository/job.ts';
import { type BackupRoom, jobMount } from '../repository/repository.ts';

/** Who leads, because it has what was acknowledged last; where nobody can be asked, whose files say that it came furthest. */
export async function leaderOf(room: BackupRoom, engine: Engine): Promise<string> {
  const members = databaseMembers(room.stack);
  const keeper = keeperOf(members);
  const leaders = leadersOf(await memberStates(engine, await engine.observe(room.bench.project), keeper).catch(() => undefined));
  const led = members.find(({ name }) => leaders.includes(name))?.name;
  if (led) return led;
  const { stdout } = await mustRun(room.bench, {
    name: 'furthest-member',
    argv: ['furthest-member'],
    mounts: members.map(({ name, mounts }) => jobMount(room.bench.project, mounts[0] as never, `/members/${name}`, true)),
  });
  const furthest = stdout.trim().split('\n').at(-1);
  const member = members.find(({ name }) => name === furthest) ?? members[0];
  if (!member) throw new UserError('NOT_RUNNING', 'there is no database to restore', 'use a profile with patroni');
  return member.name;
}
