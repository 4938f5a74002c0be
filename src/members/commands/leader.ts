import type { Context, Result } from '../../capability/capability.ts';
import { type Command, done, type Options } from '../../capability/capability.ts';
import type { LeaderChange } from '../change-leader.ts';

async function change(context: Context, how: 'switchover' | 'failover', options: Options): Promise<Result> {
  const { open } = await import('../../project/open.ts');
  const { changeLeader } = await import('../change-leader.ts');
  const to = options.to === undefined ? undefined : String(options.to);
  const outcome = await changeLeader(context, await open(context), { how, to, force: options.force === true });
  return done(outcome, told(outcome));
}

function told({ result, before, leader, seconds }: LeaderChange): string {
  if (result === 'planned') return `would change the leader: ${before ?? 'none'} -> ${leader ?? 'the best standby'}`;
  if (result === 'unchanged')
    return `${leader ?? 'no member'} is the leader already: the change had happened before, and nothing was changed now`;
  return `${leader ?? 'no member'} is the leader (before: ${before ?? 'none'}), ${seconds.toFixed(1)} s`;
}

const TO = ['--to <member>', 'The member that is to lead; the best one where it is not given'] as const;

export const switchover: Command = {
  name: 'switchover',
  section: 'Change',
  summary: 'A planned change of the database’s leader: writes wait about 2 s, none is lost',
  example: 'medianest switchover --to postgres-2',
  options: [TO],
  run: (context, _args, options) => change(context, 'switchover', options),
};

export const failover: Command = {
  name: 'failover',
  section: 'Change',
  summary: 'Another leader for the database where the present one does not answer',
  example: 'medianest failover',
  options: [TO, ['--force', 'Also where the leader answers; `switchover` is what that calls for']],
  run: (context, _args, options) => change(context, 'failover', options),
};
