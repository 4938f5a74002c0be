import type { ReplicaCount } from '../../services/app/balancer-stats.ts';

type Counts = Readonly<Record<string, ReplicaCount>>;

/** So few requests tell nothing of a release. */
const LEAST_REQUESTS = 20;
/** So few errors may be one visitor's. */
const LEAST_ERRORS = 5;
/** A new release may have twice the errors of the one before, and so much of its requests besides. */
const TIMES_BEFORE = 2;
const SHARE_BESIDES = 0.02;

const NONE: ReplicaCount = { requests: 0, errors: 0 };

/** What a release was sent, and how much of it failed. */
export interface Watched extends ReplicaCount {
  /** Errors of its requests, from 0 to 1; undefined without requests. */
  share?: number;
}

/** Of all these replicas. @param names undefined for all that there are */
export function countsOf(counts: Counts, names?: readonly string[]): Watched {
  const of = names ?? Object.keys(counts);
  const sum = of.reduce(
    (all, name) => {
      const own = counts[name] ?? NONE;
      return { requests: all.requests + own.requests, errors: all.errors + own.errors };
    },
    { ...NONE },
  );
  return withShare(sum);
}

const withShare = ({ requests, errors }: ReplicaCount): Watched => ({
  requests,
  errors,
  ...(requests > 0 && { share: Math.min(1, errors / requests) }),
});

/** What has come since, replica by replica: one whose counters begin again (a reload of the balancer) counts from zero. */
export function since(before: Counts, now: Counts): Counts {
  return Object.fromEntries(
    Object.entries(now).map(([name, { requests, errors }]) => {
      const was = before[name] ?? NONE;
      const again = requests < was.requests || errors < was.errors;
      return [name, again ? { requests, errors } : { requests: requests - was.requests, errors: errors - was.errors }];
    }),
  );
}

/** Adds what has come between two looks. */
export const added = (all: Watched, more: Watched): Watched =>
  withShare({ requests: all.requests + more.requests, errors: all.errors + more.errors });

/** The same for each process, where the release has several. @param passed what has come between two looks, by replica */
export const addedByProcess = (
  all: Readonly<Record<string, Watched>>,
  passed: Counts,
  replicas: readonly { name: string; component: string }[],
): Record<string, Watched> =>
  Object.fromEntries(
    [...new Set(replicas.map(({ component }) => component))].map((process) => {
      const own = replicas.filter(({ component }) => component === process).map(({ name }) => name);
      return [process, added(all[process] ?? { ...NONE }, countsOf(passed, own))];
    }),
  );

/** The process that has the most errors. */
export const worstOf = (byProcess: Readonly<Record<string, Watched>>): string | undefined =>
  Object.entries(byProcess).sort(([, a], [, b]) => b.errors - a.errors)[0]?.[0];

/** `; 12 of them by backend`, where there are several processes */
export function worstText(byProcess: Readonly<Record<string, Watched>>): string {
  const worst = worstOf(byProcess);
  return worst === undefined || Object.keys(byProcess).length < 2 ? '' : `; ${byProcess[worst]?.errors} of them by ${worst}`;
}

/** The share of errors that a new release may have. */
export const limitFor = (before: Watched): number => (before.share ?? 0) * TIMES_BEFORE + SHARE_BESIDES;

export type Verdict = 'good' | 'bad' | 'too few';

/** @param before the release that served until then @param fresh the new one, since it serves */
export function judge(before: Watched, fresh: Watched): Verdict {
  if (fresh.requests < LEAST_REQUESTS) return 'too few';
  return fresh.errors >= LEAST_ERRORS && (fresh.share ?? 0) > limitFor(before) ? 'bad' : 'good';
}

const percent = (share: number | undefined): string => (share === undefined ? 'no requests' : `${(share * 100).toFixed(1)} %`);

/** `340 requests, 12 errors (3.5 %; before: 0.1 %)` */
export const watchedText = (before: Watched, fresh: Watched): string =>
  `${fresh.requests} requests, ${fresh.errors} errors (${percent(fresh.share)}; before: ${percent(before.share)})`;
