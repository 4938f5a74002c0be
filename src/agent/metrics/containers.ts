import type { EngineClient, ListedContainer } from '../engine-client.ts';
import { type Reading, usageOf } from './plan/container-metrics.ts';

/** Scrapes within so short a time get what was read for the one before. */
const FRESH_MS = 4_000;
/** A scrape waits so long for the engine; after that it gets what was read before. */
const WAIT_MS = 3_000;
/** What could not be read for so long is not known any more. */
const STALE_MS = 120_000;
/** After so long a round begins no question more: a new one begins with the next scrape. */
const ROUND_MS = 8_000;
const AT_ONCE = 4;

export interface ReaderEffects {
  engine: Pick<EngineClient, 'list' | 'lifeOf' | 'stats'>;
  /** Container -> service, of all that may be asked for. */
  services: ReadonlyMap<string, string>;
  /** Told of each question that the engine did not answer as it should. */
  failed(): void;
  now(): number;
}

/** What is known of the containers, and when the engine last told of them all. */
export interface Known {
  readings: Reading[];
  readAt: number | undefined;
}

/**
 * Reads the containers when it is asked to, in one round at a time and with few questions at once: an engine that is slow, or hangs,
 * costs old values and never a scrape.
 */
export function containerReader({ engine, services, failed, now }: ReaderEffects): () => Promise<Known> {
  const known = new Map<string, { at: number; reading: Reading }>();
  let readAt: number | undefined;
  let round: Promise<void> | undefined;
  let begun = Number.NEGATIVE_INFINITY;

  /** @returns whether the engine answered */
  const readOne = async (listed: ListedContainer, service: string): Promise<boolean> => {
    try {
      const { container, state, health } = listed;
      const life = await engine.lifeOf(container);
      const usage = state === 'running' ? usageOf(await engine.stats(container)) : undefined;
      known.set(service, { at: now(), reading: { service, state, health, ...life, usage } });
      return true;
    } catch (error) {
      if ((error as { status?: number }).status !== 404) {
        failed();
        return false;
      }
      // It went between the list and the question: the engine has answered.
      known.delete(service);
      return true;
    }
  };

  const readAll = async (): Promise<void> => {
    const listed = (await engine.list()).flatMap((entry) => {
      const service = services.get(entry.container);
      return service === undefined ? [] : [{ entry, service }];
    });
    const there = new Set(listed.map(({ service }) => service));
    for (const service of known.keys()) if (!there.has(service)) known.delete(service);
    let complete = true;
    const worker = async () => {
      while (listed.length > 0 && now() - begun <= ROUND_MS) {
        const { entry, service } = listed.shift() as (typeof listed)[number];
        if (!(await readOne(entry, service))) complete = false;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    if (listed.length > 0) failed();
    else if (complete) readAt = now();
  };

  return async () => {
    if (!round && now() - begun >= FRESH_MS) {
      begun = now();
      round = readAll()
        .catch(failed)
        .finally(() => {
          round = undefined;
        });
    }
    if (round) await soon(round);
    const oldest = now() - STALE_MS;
    return { readings: [...known.values()].flatMap(({ at, reading }) => (at >= oldest ? [reading] : [])), readAt };
  };
}

function soon(work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, WAIT_MS);
    work.finally(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
