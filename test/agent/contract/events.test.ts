import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { type EngineEvent, engineClient, newEventStream } from '../../../src/agent/engine-client.ts';
import { healer, newHealerMemory } from '../../../src/agent/healing.ts';
import { newTally } from '../../../src/agent/metrics/tally.ts';
import { containerName, engineRequests } from '../../../src/services/agent/engine-requests.ts';
import { LABEL } from '../../../src/stack/labels.ts';
import { docker } from '../../support/cli.ts';

const PROJECT = `${process.env.TEST_PREFIX ?? 'mt'}-events`;
const IMAGE = 'debian:trixie-slim';
const names = ['one', 'other'].map((service) => containerName(PROJECT, service)) as [string, string];

afterEach(async () => {
  await docker(['rm', '--force', ...names]);
});

/** A container that no SIGTERM ends: `docker stop` has to kill it. */
const stubborn = (name: string) =>
  docker([
    'run',
    '--detach',
    '--name',
    name,
    '--network',
    'none',
    '--label',
    `${LABEL.project}=${PROJECT}`,
    IMAGE,
    'sh',
    '-c',
    "trap '' TERM; sleep 600",
  ]);

it('a container that had to be killed by `docker stop` while no events came is left alone, one that was killed is started', async () => {
  const requests = engineRequests(PROJECT);
  const containers = ['one', 'other'].map((service) => ({ service, container: containerName(PROJECT, service), after: [] }));
  const config = { containers, engine: { socket: '/var/run/docker.sock', ...requests } } as unknown as AgentConfig;
  const engine = engineClient({ ...config, healing: 'act', attempts: 5, unhealthySeconds: 60 });
  const stream = newEventStream();
  const heard: EngineEvent[] = [];
  const heal = healer(
    { ...config, healing: 'act', attempts: 5, unhealthySeconds: 60 },
    {
      engine,
      groups: [],
      log: () => {},
      now: () => performance.now(),
      tally: newTally(),
      memory: newHealerMemory(),
      hears: () => stream.connectedAt !== undefined,
    },
  );
  const hear = (event: EngineEvent) => {
    heard.push(event);
    heal.told(event);
  };
  const listen = () => {
    const end = new AbortController();
    const ended = engine.events(stream, hear, end.signal).catch(() => undefined);
    return async () => {
      end.abort();
      await ended;
    };
  };
  const state = async (name: string) =>
    (await docker(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name])).stdout.trim();

  const first = listen();
  for (let i = 0; i < 100 && stream.connectedAt === undefined; i++) await sleep(50);
  for (const name of names) expect(await stubborn(name)).toMatchObject({ status: 0 });
  for (let i = 0; i < 100 && heard.filter(({ action }) => action === 'start').length < 2; i++) await sleep(50);
  await first();
  expect(stream.connectedAt).toBeUndefined();
  const before = heard.length;
  await Promise.all([docker(['stop', '--time', '0', names[0]]), docker(['kill', names[1]])]);
  expect([await state(names[0]), await state(names[1])]).toEqual(['exited 137', 'exited 137']);

  const second = listen();
  for (let i = 0; i < 5; i++) {
    await heal.round();
    await sleep(1_000);
  }
  await second();
  expect([await state(names[0]), await state(names[1])]).toEqual(['exited 137', 'running 0']);
  // Each once: what the first connection has told is not told again.
  const since = heard.slice(before).map(({ action, container }) => `${container} ${action}`);
  expect(since.filter((line) => line === `${names[0]} stop`)).toHaveLength(1);
  expect(heard.filter(({ action, container }) => action === 'start' && container === names[0])).toHaveLength(1);
});
