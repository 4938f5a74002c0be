import { expect } from 'vitest';
import { docker } from '../cli.ts';
import { until } from '../stack.ts';
import type { Workspace } from '../workspace.ts';

/** A Redis of another project: a password in its command, no port, 1,007 keys of several types in databases 0 and 2. */
export interface OldRedis {
  name: string;
  /** @param like a container of the cache, whose image it has */
  start(like: string): Promise<void>;
  /** Keys in the cache of the stack. @param services that have some */
  keysHere(space: Workspace, services: readonly string[]): Promise<number>;
  remove(): Promise<void>;
}

const PASSWORD = 'it has a space';
const FILL = `for i in $(seq 1 1000); do echo "set {tag$i}key:$i value-$i ex 90000"; done
echo 'rpush queue a b c'
echo 'hset hash f v'
echo 'sadd set 1 2 3'
echo 'zadd scores 1 a 2 b'
echo 'xadd events * f v'
echo 'setrange large 5000000 x'
echo 'select 2'
echo 'set other 1'`;

const LOOK = `secret=/run/secrets/redis-password tls=()
if [ "\${REDIS_MODE:-single}" != single ]; then secret+=-a tls=(--tls --cacert /run/trust/internal-ca.pem --user medianest); fi
REDISCLI_AUTH=$(<$secret) redis-cli "\${tls[@]}" info keyspace; REDISCLI_AUTH=$(<$secret) redis-cli "\${tls[@]}" info replication`;

export function oldRedis(name: string): OldRedis {
  const must = async (args: string[]) => {
    const { status, stdout, stderr } = await docker(args);
    expect(status, `${args.join(' ')}: ${stderr}`).toBe(0);
    return stdout;
  };
  const remove = async () => void (await docker(['rm', '--force', '--volumes', name]));
  return {
    name,
    remove,
    start: async (like) => {
      await remove();
      const image = (await must(['inspect', '--format', '{{.Config.Image}}', like])).trim();
      const server = [
        '--requirepass',
        PASSWORD,
        '--bind',
        '127.0.0.1',
        '--save',
        '',
        '--appendonly',
        'no',
        '--dir',
        '/tmp',
        '--repl-diskless-sync-delay',
        '0',
      ];
      await must(['run', '--detach', '--name', name, '--network', 'none', '--entrypoint', 'redis-server', image, ...server]);
      const inside = ['exec', '--env', `REDISCLI_AUTH=${PASSWORD}`, name];
      await until('the other Redis answers', async () => (await docker([...inside, 'redis-cli', 'ping'])).stdout.includes('PONG'), 20);
      await must([...inside, 'bash', '-c', `{ ${FILL}\n} | redis-cli -e >/dev/null`]);
    },
    keysHere: async ({ project }, services) => {
      const said = await Promise.all(services.map((service) => must(['exec', `${project}-${service}-1`, 'bash', '-c', LOOK])));
      return said
        .filter((text) => text.includes('role:master'))
        .flatMap((text) => [...text.matchAll(/^db\d+:keys=(\d+)/gm)])
        .reduce((sum, [, count]) => sum + Number(count), 0);
    },
  };
}
