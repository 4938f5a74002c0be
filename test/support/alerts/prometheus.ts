import { ASKING, type Ask, answersOf, pathOf, type Series, spanOf } from '../../../src/metrics/plan/samples.ts';
import { docker } from '../cli.ts';

/** Prometheus of a stack, asked in its container as the dashboard asks it. */
export interface Asked {
  ask(asks: readonly Ask[]): Promise<Series[][]>;
  /** The series of a query at this moment. */
  now(query: string): Promise<Series[]>;
  fires(alert: string): Promise<boolean>;
}

/** @param container of Prometheus */
export function askedPrometheus(container: string): Asked {
  const ask = async (asks: readonly Ask[]): Promise<Series[][]> => {
    const { status, stdout, stderr } = await docker(['exec', container, 'bash', '-c', ASKING, 'ask', ...asks.map(pathOf)]);
    if (status !== 0) throw new Error(stderr);
    return answersOf(stdout, asks);
  };
  const now = async (query: string) => (await ask([{ query, instant: true, span: spanOf(new Date(), 60, 1) }]))[0] ?? [];
  return { ask, now, fires: async (alert) => (await now(`ALERTS{alertname="${alert}",alertstate="firing"}`)).length === 1 };
}
