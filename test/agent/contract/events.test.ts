import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import type { AgentConfig } from '../../../src/agent/config.ts';
import { type EngineEvent, engineClient, newEventStream } from '../../../src/agent/engine-client.ts';
import { healer, newHealerMemory } from '../../../src/agent/healing.ts';
import type { Log } from '../../../src/agent/log.ts';
import { newTally } from '../../../src/agent/metrics/tally.ts';
import { containerName, engineRequests } from '../../../src/services/agent/engine-requests.ts';
import { LABEL } from '../../../src/stack/labels.ts';
import { docker } from '../../support/cli.ts';

// The engine also tells of earlier containers of the same name.
const PROJECT = `${process.env.TEST_PREFIX ?? 'mt'}-events-${process.pid}`;
const IMAGE = 'debian:trixie-slim';
const LABELS = `${LABEL.project}=${PROJECT}`;
const names = ['one', 'other', 'polite', 'lender'].map((service) => containerName(PROJECT, service));
const [one, other, polite, lender] = names as [string, string, string, string];

afterEach(async () => {
  await docker(['rm', '--force', ...names]);
});

/** A container that no SIGTERM ends: `docker stop` has to kill it. */
const stubborn = (name: string) =>
  docker(['run', '--detach', '--name', name, '--network', 'none', '--label', LABELS, IMAGE, 'sh', '-c', "trap '' TERM; sleep 600"]);

/** The agent's healer and its ear on the real engine, for containers of these services. */
function agent(services: readonly string[], unhealthySeconds: number) {
  const containers = services.map((service) => ({ service, container: containerName(PROJECT, service), after: [] }));
  const own = { containers, engine: { socket: '/var/run/docker.sock', ...engineRequests(PROJECT) } };
  const config = { ...own, healing: 'act', attempts: 5, unhealthySeconds } as unknown as AgentConfig;
  const engine = engineClient(config);
  const stream = newEventStream();
  const heard: EngineEvent[] = [];
  const told: { text: string; fields: Parameters<Log>[1] }[] = [];
  const heal = healer(config, {
    engine,
    groups: [],
    log: (text, fields) => void told.push({ text, fields }),
    now: () => performance.now(),
    tally: newTally(),
    memory: newHealerMemory(),
    hears: () => stream.connectedAt !== undefined,
  });
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
  return { heal, heard, told, stream, listen };
}

const state = async (name: string) => (await docker(['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', name])).stdout.trim();

it('a container that had to be killed by `docker stop` while no events came is left alone, one that was killed is started', async () => {
  const { heal, heard, stream, listen } = agent(['one', 'other'], 60);
  const first = listen();
  for (let i = 0; i < 100 && stream.connectedAt === undefined; i++) await sleep(50);
  for (const name of [one, other]) expect(await stubborn(name)).toMatchObject({ status: 0 });
  for (let i = 0; i < 100 && heard.filter(({ action }) => action === 'start').length < 2; i++) await sleep(50);
  await first();
  expect(stream.connectedAt).toBeUndefined();
  const before = heard.length;
  await Promise.all([docker(['stop', '--time', '0', one]), docker(['kill', other])]);
  expect([await state(one), await state(other)]).toEqual(['exited 137', 'exited 137']);

  const second = listen();
  for (let i = 0; i < 5; i++) {
    await heal.round();
    await sleep(1_000);
  }
  await second();
  expect([await state(one), await state(other)]).toEqual(['exited 137', 'running 0']);
  // Each once: what the first connection has told is not told again.
  const since = heard.slice(before).map(({ action, container }) => `${container} ${action}`);
  expect(since.filter((line) => line === `${one} stop`)).toHaveLength(1);
  expect(heard.filter(({ action, container }) => action === 'start' && container === one)).toHaveLength(1);
});

it('a container whose restart fails after its stop is started as soon as it can be, and one stopped on purpose later is left alone', async () => {
  const { heal, heard, told, stream, listen } = agent(['polite'], 1);
  const stop = listen();
  const rounds = async (until: () => boolean) => {
    for (let i = 0; i < 60 && !until(); i++) {
      await heal.round();
      await sleep(500);
    }
  };
  try {
    for (let i = 0; i < 100 && stream.connectedAt === undefined; i++) await sleep(50);
    expect(await stubborn(lender)).toMatchObject({ status: 0 });
    // It says by its status that it was asked to end, and starts only where its network is.
    const ending = "trap 'exit 143' TERM; while :; do sleep 0.1; done";
    const unwell = ['--health-cmd', 'exit 1', '--health-interval', '500ms', '--health-retries', '1'];
    const borrowed = ['--network', `container:${lender}`, '--label', LABELS];
    expect(await docker(['run', '--detach', '--name', polite, ...borrowed, ...unwell, IMAGE, 'sh', '-c', ending])).toMatchObject({
      status: 0,
    });
    await docker(['kill', lender]);
    await rounds(() => told.some(({ text }) => text === 'that failed'));
    expect(await state(polite)).toBe('exited 143');
    expect(heard.map(({ action, container }) => `${container} ${action}`)).toContain(`${polite} stop`);

    await docker(['start', lender]);
    const starts = () => heard.filter(({ action, container }) => container === polite && action === 'start').length;
    await rounds(() => starts() > 1);
    expect(await state(polite)).toBe('running 0');
    expect(told.findLast(({ text }) => text === 'started')?.fields).toMatchObject({ why: 'its restart failed after it was stopped' });

    await docker(['stop', polite]);
    const before = starts();
    for (let i = 0; i < 10; i++) {
      await heal.round();
      await sleep(500);
    }
    expect([await state(polite), starts()]).toEqual(['exited 143', before]);
  } finally {
    await stop();
  }
}, 90_000);
