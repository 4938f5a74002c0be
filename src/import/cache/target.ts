import { randomBytes } from 'node:crypto';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { type DockerStream, streamDocker } from '../../docker/stream.ts';
import type { ObservedContainer } from '../../docker/types.ts';
import { isWhole, type Leader, leaderOf } from '../plan/cache-nodes.ts';
import { AS_IMPORT, GRANT, LOOK, REVOKE } from '../plan/cache-scripts.ts';

/** The cache of this stack, as it is now. */
export interface Target {
  leaders: Leader[];
  /** Of the databases that were asked for, the highest that it has. */
  highest: number;
}

/** @param databases that the source has keys in @throws UserError NOT_RUNNING where a part of the cache has no leader, or it cannot be told */
export async function cacheTarget(
  docker: DockerCli,
  signal: AbortSignal,
  containers: readonly ObservedContainer[],
  databases: readonly number[] = [],
): Promise<Target> {
  const running = containers.filter(({ state }) => state === 'running');
  const numbers = [...databases].sort((a, b) => a - b).map(String);
  const leaders: Leader[] = [];
  let highest = Number.POSITIVE_INFINITY;
  for (const { name } of running) {
    const { exitCode, stdout, tail } = await docker.run(['exec', name, 'bash', '-c', LOOK, 'bash', ...numbers], {
      signal,
      streamsApart: true,
    });
    if (exitCode !== 0) throw notWhole(`${name} does not answer: ${tail.slice(-2).join(' | ')}`);
    const leader = leaderOf(name, stdout);
    if (!leader) continue;
    leaders.push(leader);
    const had = [...stdout.matchAll(/^medianest_highest:(\d+)$/gm)].map(([, number]) => Number(number));
    highest = Math.min(highest, had.at(-1) ?? 0);
  }
  if (!isWhole(leaders))
    throw notWhole(leaders.length === 0 ? 'no node of the cache takes writes' : 'not every part of the cache has one leader');
  return { leaders, highest };
}

const notWhole = (what: string): UserError =>
  new UserError('NOT_RUNNING', `${what}; nothing was changed`, 'medianest up; medianest health');

/** What writes to the leaders, and asks them. */
export interface Writer {
  leaders: readonly Leader[];
  /** Redis' protocol on its input. @param leader one of them */
  pipe(leader: Leader): DockerStream;
  /** Commands by lines, answers by lines. */
  lines(leader: Leader): DockerStream;
  /** Removes all keys, and ends what still writes. */
  empty(): Promise<void>;
  /** Takes the right to write from it. */
  end(): Promise<void>;
}

/** @param signal ends what it runs @throws UserError IMPORT_FAILED */
export async function writer(
  { docker, leaders }: { docker: DockerCli; leaders: readonly Leader[] },
  { signal }: Pick<Context, 'signal'>,
): Promise<Writer> {
  const password = randomBytes(32).toString('hex');
  const each = async (script: string, input: string, argv: readonly string[] = []) => {
    for (const { container } of leaders) {
      const { exitCode, tail } = await docker.run(['exec', '--interactive', container, 'bash', '-c', script, 'bash', ...argv], {
        input,
        signal,
      });
      if (exitCode !== 0)
        throw new UserError('IMPORT_FAILED', `${container}: ${tail.slice(-2).join(' | ') || `status ${exitCode}`}`, 'medianest health');
    }
  };
  const start = ({ container }: Leader, argv: readonly string[]) => {
    const run = streamDocker(['exec', '--interactive', container, 'bash', '-c', AS_IMPORT, 'bash', ...argv], signal);
    run.stdin.write(`${password}\n`);
    return run;
  };
  await each(GRANT, `${password}\n`);
  return {
    leaders,
    pipe: (leader) => start(leader, ['--pipe', '--pipe-timeout', '120']),
    lines: (leader) => start(leader, []),
    empty: async () => {
      await each(AS_IMPORT, `${password}\n`, [
        '-e',
        'client',
        'kill',
        'type',
        'normal',
        'user',
        leaders[0]?.mode === 'single' ? 'default' : 'import',
        'skipme',
        'yes',
      ]);
      await each(AS_IMPORT, `${password}\n`, ['-e', 'flushall', 'sync']);
    },
    end: () => each(REVOKE, ''),
  };
}
