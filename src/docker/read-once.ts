import type { Engine } from './types.ts';

/** The same engine for one plan, which changes nothing: what several parts of the plan ask is asked once. */
export function readOnce(engine: Engine): Engine {
  const once = <T>(ask: () => Promise<T>): (() => Promise<T>) => {
    let answer: Promise<T> | undefined;
    return () => {
      answer ??= ask();
      return answer;
    };
  };
  return {
    ...engine,
    info: once(() => engine.info()),
    networks: once(() => engine.networks()),
    volumes: once(() => engine.volumes()),
  };
}
