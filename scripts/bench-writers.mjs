// The writers of the faults' tests (test/support/data/data-writer.mjs) on a bench's stack: they keep their own log of what was
// acknowledged, and look afterwards whether it is there.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { docker, enterNetwork, home } from './bench-lib.mjs';

export const addressOf = (at, service) => {
  for (const network of ['db', 'control']) enterNetwork(at.project, network);
  // Members of the database are in `control` alone.
  const own = `{{with index .NetworkSettings.Networks "${at.project}_db"}}{{.IPAddress}}{{else}}{{(index .NetworkSettings.Networks "${at.project}_control").IPAddress}}{{end}}`;
  return docker('inspect', '--format', own, `${at.project}-${service}-1`);
};

const REDIS = Array.from({ length: 6 }, (_, index) => `redis-${index + 1}`);
let runs = 0;

function options(at, { postgres, redis }) {
  const state = path.join(at.dir, '.medianest');
  const caFile = path.join(state, 'ca/trust/internal-ca.pem');
  const secret = (service, name) => path.join(state, 'secrets', service, name);
  return {
    run: `bench-${process.pid}-${++runs}`,
    ...(postgres && {
      postgres: {
        host: addressOf(at, 'db-router'),
        port: 5432,
        user: 'medianest_a',
        passwordFile: secret('postgres-1', 'database-password-a'),
        database: 'medianest',
        caFile,
      },
    }),
    ...(redis && {
      redis: {
        nodes: REDIS.map((service) => addressOf(at, service)),
        user: 'medianest',
        passwordFile: secret('redis-1', 'redis-password-a'),
        caFile,
      },
    }),
  };
}

/** Writes while something is done; what the writers have met. */
export async function whileWriting(at, which, act) {
  const child = fork(path.join(home, 'test/support/data/data-writer.mjs'), { execArgv: [] });
  const ask = async (message) => {
    const heard = once(child, 'message');
    child.send(message);
    const [{ answer, error }] = await heard;
    if (error) throw new Error(error);
    return answer;
  };
  const counts = async () => {
    const { postgres, redis } = await ask({ ask: 'counts' });
    return Math.min(...(which.postgres ? [postgres] : []), ...redis);
  };
  /** Until so many more writes were acknowledged, of each kind. */
  const more = async (number, seconds) => {
    const deadline = Date.now() + seconds * 1000;
    for (const goal = (await counts()) + number; (await counts()) < goal; await sleep(50)) {
      if (Date.now() > deadline) throw new Error(`no ${number} writes within ${seconds} s`);
    }
  };
  try {
    await ask({ options: options(at, which) });
    await more(50, 30);
    await act();
    await more(50, 60);
    return await ask({ ask: 'stop' });
  } finally {
    child.kill('SIGKILL');
  }
}
