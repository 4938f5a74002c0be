import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { spanOf } from '../metrics/plan/samples.ts';
import { askPrometheus, runsPrometheus, scrapeSecondsOf } from '../metrics/prometheus.ts';
import { forecastAsks, forecastOf } from './plan/forecast.ts';
import { forecastCheck } from './plan/forecast-check.ts';

/** The trend of a week: a backup or a deploy of one day is no trend. */
const SECONDS = 7 * 86_400;

/** For `health`: by Prometheus, where it runs. One that does not run is told by the check of its container. */
export async function forecastChecks(seen: Seen): Promise<Check[]> {
  if (!runsPrometheus(seen)) return [];
  const span = spanOf(seen.context.clock.now(), SECONDS, scrapeSecondsOf(seen.project));
  const answers = await askPrometheus(seen, forecastAsks(span)).catch((error: unknown) => {
    if (error instanceof UserError && error.code === 'NOT_RUNNING') return error;
    throw error;
  });
  if (answers instanceof UserError)
    return [
      {
        id: 'disk.forecast',
        status: 'warn',
        message: `cannot tell when a disk is full: ${answers.message}`,
        remedy: 'medianest why prometheus',
      },
    ];
  return forecastCheck(forecastOf(answers));
}
