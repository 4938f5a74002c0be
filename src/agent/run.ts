import { utimesSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AgentConfig, inGroup, readConfig, readSecret } from './config.ts';
import { type EngineEvent, type EventStream, engineClient, newEventStream } from './engine-client.ts';
import { etcdClient } from './etcd-client.ts';
import { fencer } from './fence.ts';
import { connectPatroni, etcdPeers, groupsOf } from './groups.ts';
import { type HealerMemory, healer, newHealerMemory } from './healing.ts';
import { isHeld } from './hold.ts';
import { type Log, onChange } from './log.ts';
import { newLogTally } from './logs/log-tally.ts';
import { shipLogs } from './logs/shipper.ts';
import { countUp, newTally, noteHold, type Tally, timed } from './metrics/tally.ts';
import { tellMetrics } from './metrics/tell.ts';

const FENCE_MS = 2_000;
const HEAL_MS = 3_000;
const KEEP_MS = 3_000;
/** Within that, a new connection has told the history of events. */
const HISTORY_MS = 2_000;
/** Its time says that the agent is at work (the image's healthcheck). */
const ROUND_FILE = '/run/agent-round';
/** How the shipping of logs stands, for `health` (src/logs/checks.ts). */
const LOGS_FILE = '/run/agent-logs.json';

/** What outlives a change of the configuration. */
interface Lasting {
  log: Log;
  tally: Tally;
  memory: HealerMemory;
  stream: EventStream;
  /** When it began, in seconds since 1970. */
  began: number;
}

/** Runs the loops until it is stopped. */
export async function run(log: Log, signal: AbortSignal): Promise<void> {
  let text = '';
  const tally = newTally();
  const lasting = { log, tally, memory: newHealerMemory(), stream: newEventStream(), began: Date.now() / 1000 };
  while (!signal.aborted) {
    // A changed configuration restarts every loop.
    const changed = new AbortController();
    const config = readConfig();
    text = JSON.stringify(config);
    log('at work', { project: config.project, containers: config.containers.length, fence: config.fence, healing: config.healing });
    // Of a loop that there is no more, nothing is told.
    tally.loops = {};
    const life = AbortSignal.any([signal, changed.signal]);
    await Promise.all([live(config, lasting, life), changedConfig(text, life).then(() => changed.abort())]);
  }
  // The agent finishes its handovers before it ends, if its grace allows that (main.ts).
  await Promise.all(lasting.memory.treating.values());
}

/** Comes back once the configuration is another. */
async function changedConfig(text: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(5_000, signal);
    try {
      if (JSON.stringify(readConfig()) !== text) return;
    } catch {
      // Between two versions, or a bad one: what is known stays.
    }
  }
}

async function live(config: AgentConfig, { log, tally, memory, stream, began }: Lasting, signal: AbortSignal): Promise<void> {
  const engine = engineClient(config);
  // Waits go by the monotonic clock; what others read, or have written, by the one on the wall.
  const now = () => performance.now();
  const wall = () => Date.now();
  const groups = groupsOf(config);
  const tell = onChange(log);
  const patroni = connectPatroni(config);
  const etcd = etcdClient(etcdPeers(config), 'fencer', () => readSecret('etcd-fencer-password'));
  const acted = (action: string) => countUp(tally.actions, action);
  const fence = fencer(config, { engine, etcd, log, now, acted, answers: (service) => patroni.answers(service) });
  const hears = () => stream.connectedAt !== undefined && now() - stream.connectedAt > HISTORY_MS;
  const heal = healer(config, { engine, groups, log, now, tally, memory, hears });
  const services = new Map([...config.containers, ...(config.metrics?.also ?? [])].map((entry) => [entry.container, entry.service]));
  const bell = new Bell();
  const databases = new Set(inGroup(config, 'database').map(({ container }) => container));

  const onEvent = (event: EngineEvent): void => {
    heal.told(event);
    // Of what was before, an earlier agent has told; only a stop is to be known. Later, an old time is that of a clock that was set back.
    if (event.at < began && now() - (stream.connectedAt ?? 0) < HISTORY_MS) return;
    const service = services.get(event.container);
    if (event.action === 'oom' && service !== undefined) {
      countUp(tally.oomKills, service);
      log('the kernel killed a process of a container: it had no memory left', { service });
    }
    if (event.action === 'die') log('a container ended', { container: event.container });
    if (event.action === 'die' && databases.has(event.container)) bell.ring();
  };
  const loop = async (topic: string, wait: () => Promise<unknown>, round: () => Promise<void>): Promise<void> => {
    while (!signal.aborted) {
      try {
        await round();
        tell(topic, `${topic}: at work`);
      } catch (error) {
        tell(topic, `${topic}: ${(error as Error).message}`);
      }
      await wait();
    }
  };

  // The stream of events is no round: it ends when the engine goes.
  const timedLoop: typeof loop = (topic, wait, round) => loop(topic, wait, () => timed(tally, topic, wall, round));

  const listen = loop(
    'events',
    () => pause(1_000, signal),
    async () => {
      // The rounds find what happened while the event stream was down.
      bell.ring();
      await engine.events(stream, onEvent, signal);
    },
  );
  const fencing = timedLoop(
    'fencer',
    () => Promise.race([pause(FENCE_MS, signal), bell.rung()]),
    async () => {
      if (config.fence && databases.size > 1) await fence();
    },
  );
  const healing = timedLoop(
    'healing',
    () => pause(HEAL_MS, signal),
    async () => {
      const held = isHeld(wall());
      noteHold(tally, held);
      tell('hold', held ? 'a command of medianest is at work: healing is paused' : 'no command of medianest is at work');
      if (config.healing !== 'off' && !held) await heal.round();
      else await engine.list();
      mark(new Date());
    },
  );
  const keeping = groups.flatMap((group) => {
    const round = group.round;
    if (!round) return [];
    return [
      timedLoop(
        group.name,
        () => pause(KEEP_MS, signal),
        async () => {
          for (const done of await round()) {
            acted(group.name);
            log(done, { group: group.name });
          }
        },
      ),
    ];
  });
  const telling = config.metrics ? [tellMetrics(config, config.metrics, { engine, services, tally, now, tell }, signal)] : [];
  if (config.logs) tally.logs ??= newLogTally();
  const shipping =
    config.logs && tally.logs ? [shipLogs(config, config.logs, { tally: tally.logs, now: wall, tell, statusFile: LOGS_FILE }, signal)] : [];
  await Promise.all([listen, fencing, healing, ...keeping, ...telling, ...shipping]);
}

function mark(at: Date): void {
  try {
    utimesSync(ROUND_FILE, at, at);
  } catch {
    writeFileSync(ROUND_FILE, '');
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => undefined);

/** Wakes the waiting loop; if none waits, it wakes the next one at once. */
class Bell {
  private pending = false;
  private wake: (() => void) | undefined;

  ring(): void {
    this.pending = true;
    this.wake?.();
  }

  rung(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.pending = false;
        this.wake = undefined;
        resolve();
      };
      if (this.pending) this.wake();
    });
  }
}
