import type { History, Treatment } from './heal.ts';

/** What was suggested and is not over yet, as `service action`. */
export type Suggested = ReadonlySet<string>;

const keyOf = ({ service, do: what }: Pick<Treatment, 'service' | 'do'>): string => `${service} ${what}`;

/**
 * Pure: what is told where healing only suggests. Each action is told once for each fault, which is over when its service is well.
 * Nothing was done, so nothing counts as an attempt.
 */
export function suggest(
  { treatments, histories }: { treatments: readonly Treatment[]; histories: Readonly<Record<string, History>> },
  before: Suggested,
): { fresh: Treatment[]; told: Suggested; histories: Record<string, History> } {
  const ill = Object.entries(histories).flatMap(([service, { endedSince, unhealthySince }]) =>
    endedSince === undefined && unhealthySince === undefined ? [] : [service],
  );
  const still = [...before].filter((key) => ill.includes(key.split(' ')[0] as string));
  const fresh = treatments.filter((treatment) => treatment.do !== 'give-up' && !still.includes(keyOf(treatment)));
  return {
    fresh,
    told: new Set([...still, ...fresh.map(keyOf)]),
    histories: Object.fromEntries(Object.entries(histories).map(([service, history]) => [service, { ...history, treated: [] }])),
  };
}
