import { plural } from '../../core/plural.ts';
import type { DeployOutcome } from '../site.ts';
import { keptText } from './strategy.ts';
import { watchedText } from './watch.ts';

/** What a person is told at the end of a deploy or rollback. */
export function deployedText(outcome: DeployOutcome): string {
  const { release, result, replicas, image, previous, error, outageSeconds, switchedSeconds, watched, kept } = outcome;
  const took = `${outcome.seconds.toFixed(1)} s`;
  const outage = outageSeconds === undefined ? [] : [`Visitors got a page with 503 for ${outageSeconds.toFixed(1)} s.`];
  if (result !== 'deployed')
    return [
      `${release} (${image}) was reverted after ${took}; ${previous ?? 'the version before'} serves: ${error?.message}`,
      ...outage,
      `Fix: ${error?.hint}`,
    ].join('\n');
  return [
    `${release} (${image}) serves on ${plural(replicas, 'replica')} after ${took}.`,
    ...outage,
    ...(switchedSeconds === undefined ? [] : [`Visitors were back with it after ${switchedSeconds.toFixed(1)} s: its replicas still ran.`]),
    ...(watched ? [`Within ${watched.seconds} s: ${watchedText(watched.before, watched.fresh)}.`] : []),
    ...(kept ? [`${keptText(kept.release, kept.until)}.`.replace(/^t/, 'T')] : []),
  ].join('\n');
}
