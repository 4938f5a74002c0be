import type { AgentConfig, Watched } from './config.ts';
import type { EngineClient, EngineEvent, ListedContainer } from './engine-client.ts';
import type { Group } from './group.ts';
import type { Log } from './log.ts';
import { countUp, type Tally } from './metrics/tally.ts';
import { type History, mayLead, type Patient, planHealing, type Treatment } from './plan/heal.ts';
import { type Suggested, suggest } from './plan/suggest.ts';

/** Docker's restart policy and the fencer come first. */
const ENDED_SECONDS = 3;
/** While events do not come, a stop on purpose is not heard of. */
const UNHEARD_SECONDS = 30;

/** What has to outlive a change of the configuration. */
export interface HealerMemory {
  /** Stopped on purpose, according to the engine, and when it said so: `docker stop` is a request, `docker kill` is not. */
  stopped: Map<string, number>;
  /** The agent is restarting these, or its restart stopped them and failed: their stop is the agent's own. */
  restarting: Set<string>;
  /** Treatments that have begun and not ended, by service. */
  treating: Map<string, Promise<void>>;
}

export const newHealerMemory = (): HealerMemory => ({ stopped: new Map(), restarting: new Set(), treating: new Map() });

export interface HealingEffects {
  engine: EngineClient;
  groups: readonly Group[];
  log: Log;
  now(): number;
  tally: Tally;
  memory: HealerMemory;
  /** Whether the engine's events come, and those of before have come. */
  hears(): boolean;
}

/** Looks at all containers, decides by heal.ts, and does it. `told` hears the engine's events. */
export function healer(config: AgentConfig, { engine, groups, log, now, tally, memory, hears }: HealingEffects) {
  const { stopped, restarting, treating } = memory;
  let histories: Record<string, History> = {};
  let suggested: Suggested = new Set();

  const treat = async ({ do: what, service, container, why }: Treatment): Promise<void> => {
    countUp(tally.actions, what);
    if (what === 'start' || what === 'restart') countUp(tally.healed, service);
    if (what === 'give-up')
      return log('this does not help: it is left alone for some minutes', { action: what, service, why, attempts: config.attempts });
    log({ start: 'started', restart: 'restarted', handover: 'handed over before a restart' }[what], { action: what, service, why });
    if (what === 'start') await engine.start(container);
    if (what === 'restart') {
      restarting.add(container);
      stopped.delete(container);
      await engine.restart(container);
      restarting.delete(container);
    }
    if (what === 'handover')
      await groups.find(({ members }) => members.includes(service))?.handover(service, (waiting) => log(waiting, { service }));
  };

  return {
    told: ({ action, container }: EngineEvent): void => {
      if (action === 'stop' && !restarting.has(container)) stopped.set(container, now());
      if (action !== 'start') return;
      stopped.delete(container);
      restarting.delete(container);
    },
    round: async (): Promise<void> => {
      const asked = now();
      const heard = hears();
      // A treatment that ends while the list is on its way: the list shows its container as it was before.
      const busy = new Set(treating.keys());
      const found = new Map((await engine.list()).map((entry) => [entry.container, entry]));
      // Its start may have been missed, as while the proxy was replaced: the next `docker kill` is a fault again.
      for (const [container, at] of stopped) if (at < asked && found.get(container)?.state === 'running') stopped.delete(container);
      for (const { service, container } of config.containers)
        if (!busy.has(service) && found.get(container)?.state !== 'exited') restarting.delete(container);
      const patients = config.containers.map((watched) => {
        const treated = busy.has(watched.service);
        return {
          ...patientOf(watched, found.get(watched.container)),
          stopped: stopped.has(watched.container),
          halfRestarted: !treated && restarting.has(watched.container),
          treating: treated,
        };
      });
      const unwell = patients.some(({ health }) => health === 'unhealthy');
      const plan = planHealing(patients, histories, unwell ? await leaders(groups) : new Set(), limits(config, heard), now());
      if (config.healing === 'suggest') {
        const { fresh, told, histories: untreated } = suggest(plan, suggested);
        [histories, suggested] = [untreated, told];
        for (const { do: what, service, why } of fresh) {
          countUp(tally.actions, 'suggest');
          log(`suggests: ${SUGGESTED[what]}`, { action: 'suggest', service, why });
        }
        return;
      }
      histories = plan.histories;
      // Not waited for: a handover or a restart takes a minute and more, and others need to be healed meanwhile.
      for (const treatment of plan.treatments) {
        const { service } = treatment;
        const ended = treat(treatment)
          .catch((error: Error) => log('that failed', { action: 'failed', service, error: error.message }))
          .finally(() => treating.delete(service));
        treating.set(service, ended);
      }
    },
  };
}

const SUGGESTED = {
  start: 'start it',
  restart: 'restart it',
  handover: 'hand over what it leads, then restart it',
  'give-up': 'leave it alone',
} as const;

const limits = ({ unhealthySeconds, attempts }: AgentConfig, hears: boolean) => ({
  endedSeconds: hears ? ENDED_SECONDS : UNHEARD_SECONDS,
  unhealthySeconds,
  attempts,
});

async function leaders(groups: readonly Group[]): Promise<Set<string>> {
  const all = await Promise.all(
    groups.map((group) =>
      group.leaders
        ? group.leaders().catch(() => group.members)
        : group.status().then(
            (states) => mayLead(group.members, states),
            () => mayLead(group.members, undefined),
          ),
    ),
  );
  return new Set(all.flat());
}

const patientOf = (
  { service, container, group, after }: Watched,
  listed: ListedContainer | undefined,
): Omit<Patient, 'stopped' | 'halfRestarted' | 'treating'> => ({
  service,
  container,
  ...(group !== undefined && { group }),
  after,
  state: listed?.state,
  exitCode: listed?.exitCode,
  health: listed?.health ?? 'none',
});
