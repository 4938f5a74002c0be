import { gauge, type Metric } from '../../core/metrics-text.ts';
import type { Job, JobRecord } from './jobs.ts';

/** For Prometheus: when each job last ended, and how. */
export function jobMetrics(jobs: readonly (Job & { record: JobRecord | undefined })[]): Metric[] {
  const ended = jobs.flatMap(({ name, record }) => (record?.ended === undefined ? [] : [{ labels: { name }, record }]));
  return [
    gauge(
      'medianest_job_last_end_timestamp_seconds',
      'When a job last came to its end.',
      ended.map(({ labels, record }) => ({ labels, value: Date.parse(record.ended as string) / 1000 })),
    ),
    gauge(
      'medianest_job_failed',
      'Whether a job failed the last time that it ran.',
      ended.map(({ labels, record }) => ({ labels, value: record.status === 0 ? 0 : 1 })),
    ),
  ];
}
