import * as z from 'zod';
import { UserError } from '../../core/errors.ts';
import { shortHash } from '../../core/hash.ts';
import { urlPath } from '../../settings/fields.ts';
import { appVersion } from '../../stack/overrides.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Rolling } from '../../stack/types.ts';

const status = () => z.int().min(200, 'should be a status from 200 to 599').max(599, 'should be a status from 200 to 599');

/** How another release takes the place of the one that serves. */
export const releasingSettings = {
  strategy: z
    .enum(['rolling', 'recreate', 'blue-green'])
    .default('rolling')
    .describe(
      'How another release takes its place: `rolling` replaces one replica after the other; `recreate` stops all old ones before the first new one starts, for what cannot run twice side by side (visitors get a page with 503 meanwhile); `blue-green` starts all new ones beside the old ones, switches at once, and keeps the old ones for `rollback`: it needs twice the memory and slots',
    ),
  keepSeconds: z
    .int()
    .min(0)
    .max(604_800, 'should be at most 604800, a week')
    .optional()
    .describe(
      'With `blue-green`: after so many seconds the release before counts as given up; a job removes it within a minute, or the next `medianest up`. Without it it is kept until the next deploy, an `up` that changes something, or `medianest deploy --confirm`',
    ),
  smoke: z
    .strictObject({
      paths: z.array(urlPath('/').unwrap()).default([]).describe('Asked for at the address of the new container, as the balancer asks'),
      statuses: z.array(status()).min(1).default([200]).describe('Statuses that they may be answered with'),
      command: z.array(z.string().min(1)).default([]).describe('Run in the new container, has to exit with 0: a program and its arguments'),
      seconds: z.int().min(1).max(3600).default(30).describe('Time limit for all of it'),
    })
    .optional()
    .describe('What a new container has to pass before its first visitor; otherwise the deploy is rolled back'),
  watchSeconds: z
    .int()
    .min(0)
    .max(3600, 'should be at most 3600, an hour')
    .default(0)
    .describe(
      'For so many seconds after a deploy the errors of the new release are counted: more than twice the share of the release before and 2 % roll it back',
    ),
  restorePoint: z.boolean().default(true).describe('A backup is made before `app.migrate` runs, where the stack makes backups'),
};

interface Releasing {
  strategy: 'rolling' | 'recreate' | 'blue-green';
  smoke?: Rolling['smoke'] | undefined;
  watchSeconds: number;
  replicas: number;
  maxReplicas: number;
  ready: { statuses: number[] };
}

/** Its part of how a replica is replaced. */
export const releasingPart = ({ strategy, smoke, watchSeconds, ready }: Releasing): Partial<Rolling> => ({
  ...(strategy !== 'rolling' && { strategy }),
  ...(ready.statuses.join() !== '200' && { readyStatuses: ready.statuses }),
  ...(smoke && smoke.paths.length + smoke.command.length > 0 && { smoke }),
  ...(watchSeconds > 0 && { watchSeconds }),
});

/** What the recreation of a replica costs visitors. */
export function interruptionOf({ strategy, replicas }: Releasing): string {
  if (strategy === 'recreate')
    return 'from the stop of the old ones until a new one is ready (app.strategy: recreate): visitors get a page with 503';
  return replicas > 1 ? 'none: the other replicas serve' : 'about 3 s: the only replica is replaced';
}

declare module '../../stack/service.ts' {
  interface HostFacts {
    /** The release that was deployed last, by the name of its image and the hash of its settings. */
    served?: { image: string; settings: string };
  }
}

/** Whether a release with this image and these settings has served, so that its migration has run. */
export function hasServed(
  { app, services }: { app: object; services?: object | undefined },
  image: string,
  { overrides, host }: Pick<BuildInput, 'overrides' | 'host'>,
): boolean {
  if (overrides.app?.ref === image) return true;
  return host.served?.image === image && host.served.settings === shortHash(appVersion(app, services));
}

/** Where the second set of a blue-green deploy begins, counted from 1. */
export const secondHalf = (maxReplicas: number): number => Math.floor(maxReplicas / 2) + 1;

/** The number of the first replica: another than 1 after a blue-green deploy. */
export const firstSlot = ({ overrides, enabled }: Pick<BuildInput, 'overrides' | 'enabled'>): number =>
  enabled('balancer') ? (overrides.slots?.first ?? 1) : 1;

/** @throws UserError INVALID_SETTINGS where two sets have no room in the balancer, or would not have the same volumes */
export function refuseTwoSets(
  own: Releasing & { volumes: Readonly<Record<string, { shared: boolean }>>; autoscale?: { max: number } | undefined },
  several: boolean,
): void {
  if (own.strategy !== 'blue-green') return;
  if (several)
    throw new UserError(
      'INVALID_SETTINGS',
      'app.strategy is blue-green, and `services` has processes beside the application: only rolling and recreate know these; nothing was changed',
      'choose `app.strategy: rolling`, which drops no request either',
    );
  const most = Math.max(own.replicas, own.autoscale?.max ?? 0);
  if (2 * most > own.maxReplicas)
    throw new UserError(
      'INVALID_SETTINGS',
      `app.strategy is blue-green with up to ${most} replicas, and the balancer keeps ${own.maxReplicas} slots for two sets of them; nothing was changed`,
      2 * most <= 100 ? `set \`app.maxReplicas: ${2 * most}\`, or choose fewer replicas` : 'choose 50 replicas at most',
    );
  const single = Object.entries(own.volumes).find(([, { shared }]) => !shared)?.[0];
  if (single)
    throw new UserError(
      'INVALID_SETTINGS',
      `app.strategy is blue-green, and app.volumes.${single} belongs to one replica: those of the other set would begin without its data; nothing was changed`,
      `set \`shared: true\` for it, or \`app.strategy: recreate\``,
    );
}
