import { setTimeout as sleep } from 'node:timers/promises';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { engineAddress } from '../docker/address.ts';
import type { Engine } from '../docker/types.ts';
import { meminfo } from '../host/host-memory.ts';
import { processorPressure } from '../host/host-pressure.ts';
import { parseBalancerLoad } from '../services/app/balancer-stats.ts';
import { isOfFirst } from '../stack/processes/place.ts';
import { containersOf } from '../stack/roles.ts';
import type { Reading } from './plan/load.ts';
import { autoscaleOf } from './plan/settings.ts';

const PATIENCE_MS = 15_000;

/** @throws UserError NOT_RUNNING where the balancer does not run, ENGINE_FAILED where it does not tell */
export async function readLoad(context: Context, { loaded, state }: Project, engine: Engine): Promise<Reading> {
  const services = state.manifest()?.services;
  const containers = await engine.observe(loaded.settings.project);
  const balancer = containersOf(containers, services, 'balancer').find((container) => container.state === 'running');
  if (!balancer) throw new UserError('NOT_RUNNING', 'the balancer does not run', 'medianest why balancer');
  const replicas = containersOf(containers, services?.filter(isOfFirst), 'application').filter(({ state: found }) => found === 'running');
  const wantsCpu = autoscaleOf(loaded.settings)?.cpuPercent !== undefined;
  const [stats, cpu] = await Promise.all([
    soon(engine.exec(balancer.id, ['/usr/local/bin/backend', 'stats'])),
    wantsCpu ? engine.cpuSeconds(replicas.map(({ id }) => id)) : undefined,
  ]);
  const load = stats.exitCode === 0 ? parseBalancerLoad(stats.output) : undefined;
  if (!load)
    throw new UserError(
      'ENGINE_FAILED',
      `the balancer does not tell its statistics: ${stats.output.trim().slice(0, 200) || `status ${stats.exitCode}`}`,
      'medianest logs balancer',
    );
  const cpuSeconds = cpu && Object.fromEntries(replicas.flatMap(({ id, service }) => (cpu[id] === undefined ? [] : [[service, cpu[id]]])));
  return { at: context.clock.now().getTime(), load, cpuSeconds };
}

/** One that hangs must not pause up the run. @throws UserError ENGINE_FAILED */
async function soon<T>(answer: Promise<T>): Promise<T> {
  const settled = new AbortController();
  const late = sleep(PATIENCE_MS, undefined, { signal: settled.signal }).then(
    () => {
      throw new UserError(
        'ENGINE_FAILED',
        `the balancer has not told its statistics within ${PATIENCE_MS / 1000} s`,
        'medianest logs balancer',
      );
    },
    () => answer,
  );
  return Promise.race([answer, late]).finally(() => settled.abort());
}

/** Bytes that may still be used on the engine's host; undefined where that is another machine, or does not say. */
export const freeMemory = (context: Context): number | undefined => (engineAddress(context.env).local ? meminfo().MemAvailable : undefined);

/** Percent of the last ten seconds in which something waited for a processor; undefined where the engine's host is another machine, or its kernel does not say. */
export const cpuPressure = (context: Context): number | undefined => (engineAddress(context.env).local ? processorPressure() : undefined);
