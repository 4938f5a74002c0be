import type { AgentConfig } from './config.ts';
import type { ContainerState, EngineClient } from './engine-client.ts';
import type { EtcdClient } from './etcd-client.ts';
import type { Log } from './log.ts';
import { type FencerAnswer, type FencerStep, type Lock, nextStep } from './plan/fencer.ts';
import { type HungMember, judgeHung } from './plan/hung.ts';

/** Where Patroni stores the leader (scope `medianest`). */
const LEADER_KEY = '/service/medianest/leader';

/** What the fencer acts through; time is told to it. */
export interface FencerEffects {
  engine: Pick<EngineClient, 'inspect' | 'kill'>;
  etcd: EtcdClient;
  /** The member's REST API answers. */
  answers(service: string): Promise<boolean>;
  log: Log;
  /** Told of each kill and each release. */
  acted?(action: 'fence-kill' | 'fence-release'): void;
  now(): number;
}

/** Runs rounds of the fencer over the database's members, and remembers between them only since when something is so. */
export function fencer(config: AgentConfig, effects: FencerEffects) {
  const { engine, etcd, log, now } = effects;
  const members = config.containers.filter(({ group }) => group === 'database');
  const containerOf = (service: string) => members.find((member) => member.service === service)?.container;
  const pausedSince = new Map<string, number>();
  const deposed = new Map<string, HungMember>();
  let lastHolder: string | undefined;

  const perform = async (step: FencerStep, killed: boolean): Promise<FencerAnswer | undefined> => {
    if (step.do === 'read') {
      const entry = await etcd.read(LEADER_KEY);
      return { to: 'read', lock: entry && { holder: entry.value, revision: entry.revision } };
    }
    const container = containerOf(step.lock.holder);
    if (container === undefined) return undefined;
    if (step.do === 'inspect') {
      const state = await engine.inspect(container);
      return { to: 'inspect', state, tooLong: !killed && pausedTooLong(step.lock, state) };
    }
    if (step.do === 'kill') {
      log('a leader that is paused is killed, so that another can take over', {
        action: 'fence-kill',
        member: step.lock.holder,
        pausedSeconds: config.pausedSeconds,
      });
      await engine.kill(container);
      effects.acted?.('fence-kill');
      return { to: 'kill' };
    }
    const released = await etcd.deleteUnchanged(LEADER_KEY, { value: step.lock.holder, revision: step.lock.revision });
    if (released) effects.acted?.('fence-release');
    log(released ? 'the lock of a dead leader is released' : 'the lock of a dead leader had changed already', {
      ...(released && { action: 'fence-release' }),
      member: step.lock.holder,
      revision: step.lock.revision,
    });
    return { to: 'release', released };
  };

  const pausedTooLong = ({ holder }: Lock, { paused }: ContainerState): boolean => {
    if (!paused) pausedSince.delete(holder);
    else if (!pausedSince.has(holder)) pausedSince.set(holder, now());
    return paused && now() - (pausedSince.get(holder) as number) >= config.pausedSeconds * 1000;
  };

  /** A member that lost leadership while it hung still answers connected clients once it resumes. */
  const endHung = async (holder: string): Promise<void> => {
    if (lastHolder !== undefined && lastHolder !== holder) deposed.set(lastHolder, { silentSince: undefined });
    lastHolder = holder;
    deposed.delete(holder);
    for (const [service, seen] of deposed) {
      const container = containerOf(service);
      if (container === undefined) continue;
      const state = await engine.inspect(container);
      const verdict = judgeHung(seen, state, state.running && (await effects.answers(service)), now(), config.hungSeconds);
      if (verdict === 'kill') {
        log('a member that has lost the lead and does not answer is killed', {
          action: 'fence-kill',
          member: service,
          hungSeconds: config.hungSeconds,
        });
        await engine.kill(container);
        effects.acted?.('fence-kill');
      }
      if (verdict === 'well' || verdict === 'kill') deposed.delete(service);
      else deposed.set(service, verdict);
    }
  };

  return async (): Promise<void> => {
    let holder: string | undefined;
    let killed = false;
    for (let step: FencerStep | undefined = { do: 'read' }; step; ) {
      const answer = await perform(step, killed);
      if (answer?.to === 'read') holder = answer.lock?.holder;
      killed ||= answer?.to === 'kill';
      step = answer && nextStep(step, answer);
    }
    if (holder !== undefined) await endHung(holder);
  };
}
