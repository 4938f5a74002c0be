import type { Check } from '../../capability/check.ts';

/** How a collector answered an export without spans: a status, or the code of the error that came in its place. */
export type Answer = { status: number } | { error: string };

const ID = 'traces.collector';
const LOST = 'meanwhile spans are dropped';

/** For `health`: whether traces are taken. It never fails the stack, which serves without. */
export function collectorCheck(endpoint: string, answer: Answer): Check {
  const problem = 'error' in answer ? `does not answer (${answer.error})` : problemOf(answer.status);
  if (problem === undefined) return { id: ID, status: 'ok', message: `${endpoint} takes traces` };
  return {
    id: ID,
    status: 'warn',
    message: `${endpoint} ${problem}: ${LOST} (traces.endpoint)`,
    remedy: 'error' in answer ? 'start the collector, or correct traces.endpoint' : remedyOf(answer.status),
  };
}

/** Each SDK sends spans by POST, and takes only these for taken. */
const problemOf = (status: number): string | undefined => (status >= 200 && status < 300 ? undefined : `answers ${status} to an export`);

const remedyOf = (status: number): string =>
  status === 401 || status === 403
    ? 'correct traces.headers'
    : status === 404 || status === 405
      ? 'correct traces.endpoint: OTLP over HTTP has a port of its own, usually 4318'
      : 'look at the log of the collector: it is not part of this stack';
