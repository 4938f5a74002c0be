import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MemberState } from '../../../src/stack/member.ts';
import { docker, PROGRAM, type Run, run } from '../../support/cli.ts';
import { type DataStack, dataStack, writerOptions } from '../../support/data/data-stack.ts';
import { Writers } from '../../support/data/data-writers.ts';
import { imagesOf, type RestartableEngine, restartableEngine } from '../../support/engine/restartable-engine.ts';
import { enterNetworks } from '../../support/network/enter.ts';
import { until } from '../../support/stack.ts';

let engine: RestartableEngine;
let stack: DataStack;

/** In the engine's network: another stack of the same addresses may be in this one's. */
function medianestThere(...args: string[]): Promise<Run> {
  const [command = '', ...before] = [...engine.prefix, process.execPath, PROGRAM];
  return run(command, [...before, ...args], { cwd: stack.space.dir, env: engine.env });
}

/** `medianest health` finds nothing, and the database has its synchronous standby. */
const whole = () =>
  until(
    'the stack is whole',
    async () => {
      const { stdout } = await medianestThere('health', '--json');
      if ((JSON.parse(stdout) as { status: string }).status !== 'ok') return false;
      const controller = await docker(['exec', `${stack.space.project}-agent-1`, 'clusterctl', 'status'], { env: engine.env });
      const states = JSON.parse(controller.stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, MemberState>;
      return Object.values(states).some(({ details }) => details.replication === 'synchronous');
    },
    150,
  );

beforeAll(async () => {
  engine = await restartableEngine('engine');
  await engine.load(await imagesOf(['patroni', 'backup', 'etcd', 'redis', 'balancer', 'agent', 'engine-proxy']));
  const off = { edge: false, cdn: false, balancer: false, app: false };
  stack = await dataStack('engine', { components: off });
  const up = await medianestThere('up');
  if (up.status !== 0) throw new Error(up.stderr);
  await whole();
});
afterAll(async () => {
  await engine?.remove();
  await stack?.space.destroy();
});

describe('the engine under everything', () => {
  test.each([
    ['is restarted', 'SIGTERM'],
    ['crashes', 'SIGKILL'],
  ] as const)('%s, and all comes back by itself with all that was acknowledged', async (_name, signal) => {
    const writers = await Writers.begin(writerOptions(stack, `engine-${signal}`, {}, engine), engine.prefix);
    try {
      await until('everything takes writes', async () => {
        const { postgres, redis } = await writers.counts();
        return Math.min(postgres, ...redis) > 50;
      });
      await engine.restart(signal);
      // It sets its bridges up again, and the address that this host had there may be gone.
      enterNetworks(stack.space.project, ['db', 'control'], engine);
      const begun = performance.now();
      await whole();
      const seconds = Math.round((performance.now() - begun) / 1000);
      const report = await writers.stop();
      const { acknowledged, longestGapMs, lost } = report.postgres;
      const cache = report.redis.thirds.reduce((sum, third) => sum + third.acknowledged, 0);
      process.stderr.write(
        `fault: engine ${signal}: write gap ${longestGapMs} ms, lost ${lost.length} of ${acknowledged}, cache lost ${report.redis.lost.length} of ${cache}, whole ${seconds} s after it answered\n`,
      );
      expect(lost).toEqual([]);
      expect(report.leaders.contradictions).toEqual([]);
    } finally {
      writers.kill();
    }
  });
});
