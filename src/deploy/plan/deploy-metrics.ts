import { gauge, type Metric } from '../../core/metrics-text.ts';
import type { Release } from './releases.ts';

/** How a deploy ended; one that was killed and not resumed yet is interrupted. */
const RESULTS = { deployed: 'deployed', reverted: 'rolled-back', failed: 'failed', running: 'interrupted' } as const;

/** For Prometheus, of the releases that are remembered: the last deploy with each result, and how many there are. */
export function deployMetrics(releases: readonly Release[]): Metric[] {
  const results = Object.entries(RESULTS);
  const last = results.flatMap(([result, name]) => {
    const release = releases.findLast((entry) => entry.result === result);
    return release ? [{ labels: { result: name }, release }] : [];
  });
  return [
    gauge(
      'medianest_deploy_last_timestamp_seconds',
      'When the last deploy with a result began.',
      last.map(({ labels, release }) => ({ labels, value: Date.parse(release.time) / 1000 })),
    ),
    gauge(
      'medianest_deploy_last_duration_seconds',
      'How long the last deploy with a result took.',
      last.map(({ labels, release }) => ({ labels, value: release.seconds })),
    ),
    gauge(
      'medianest_deploys',
      'Deploys by result, among the last 20.',
      releases.length === 0
        ? []
        : results.map(([result, name]) => ({
            labels: { result: name },
            value: releases.filter((release) => release.result === result).length,
          })),
    ),
  ];
}
