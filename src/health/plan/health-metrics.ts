import type { Check, HealthReport } from '../../capability/check.ts';
import { gauge, type Metric, single } from '../../core/metrics-text.ts';

const VERDICTS: readonly Check['status'][] = ['ok', 'warn', 'fail'];

/** For Prometheus: the verdict of `health`, and when it was given. */
export const healthMetrics = ({ status, checks }: HealthReport, now: Date): Metric[] => [
  single('medianest_health_status', 'The verdict of the last `medianest health`: 0 ok, 1 warn, 2 fail.', VERDICTS.indexOf(status)),
  gauge(
    'medianest_health_checks',
    'Checks of the last `medianest health`, by their status.',
    VERDICTS.map((verdict) => ({ labels: { status: verdict }, value: checks.filter((check) => check.status === verdict).length })),
  ),
  single('medianest_health_timestamp_seconds', 'When `medianest health` was last run.', Math.floor(now.getTime() / 1000)),
];
