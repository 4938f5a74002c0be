import * as z from 'zod';
import { UserError } from '../../core/errors.ts';

const replicas = () => z.int().min(1).max(100, 'should be at most 100');

/** What a replica is to be given at most is a target; more load than that asks for more replicas. */
const TARGETS = ['inFlight', 'cpuPercent', 'latencyMs'] as const;
export type Target = (typeof TARGETS)[number];

export const autoscaleSettings = z
  .strictObject({
    min: replicas().describe('Replicas at least'),
    max: replicas().describe('Replicas at most: no more than `app.maxReplicas`'),
    inFlight: z
      .number()
      .min(0.5)
      .max(10_000)
      .optional()
      .describe('Target: requests that a replica works on at once, those that wait for it included'),
    cpuPercent: z
      .int()
      .min(1)
      .max(100_000)
      .optional()
      .describe(
        'Target: processor time of a replica, in percent of one processor as `docker stats` shows it (Node.js seldom uses more than 100)',
      ),
    latencyMs: z.int().min(1).max(600_000).optional().describe('Target: milliseconds until an answer begins, on average, waiting included'),
    upSeconds: z.int().min(10).max(600).default(30).describe('Replicas are added for the average load of so many seconds'),
    downSeconds: z
      .int()
      .min(10)
      .max(7200)
      .default(300)
      .describe('Replicas are removed when fewer would have been enough for so many seconds'),
    hostPressure: z
      .int()
      .min(1)
      .max(100)
      .default(90)
      .describe(
        'No replica is added for the load while something on the host waits for a processor for more than so many percent of the time (Linux PSI: `some avg10` of /proc/pressure/cpu); 100: whatever it is',
      ),
  })
  .refine(({ min, max }) => min <= max, { message: 'min should not be above max', path: ['min'] })
  .refine(({ upSeconds, downSeconds }) => upSeconds <= downSeconds, {
    message: 'should be at least `upSeconds`',
    path: ['downSeconds'],
  })
  .refine((own) => TARGETS.some((target) => own[target] !== undefined), 'needs a target: inFlight, cpuPercent or latencyMs');

export type AutoscaleSettings = z.output<typeof autoscaleSettings>;

/** @throws UserError INVALID_SETTINGS for limits or a target that can never be reached */
export function refuseOutOfReach(own: { autoscale?: AutoscaleSettings | undefined; maxReplicas: number; cpus: number }): void {
  const { autoscale } = own;
  if (!autoscale) return;
  if (autoscale.max > own.maxReplicas)
    throw new UserError(
      'INVALID_SETTINGS',
      `app.autoscale.max is ${autoscale.max}, and the balancer keeps ${own.maxReplicas} slots; nothing was changed`,
      `set \`app.maxReplicas: ${autoscale.max}\`, or a lower app.autoscale.max`,
    );
  if (autoscale.cpuPercent !== undefined && autoscale.cpuPercent >= own.cpus * 100)
    throw new UserError(
      'INVALID_SETTINGS',
      `app.autoscale.cpuPercent is ${autoscale.cpuPercent}, and a replica may use ${own.cpus} processors (${own.cpus * 100} %): it would never ask for more replicas; nothing was changed`,
      'set a lower app.autoscale.cpuPercent, or more app.cpus',
    );
}
