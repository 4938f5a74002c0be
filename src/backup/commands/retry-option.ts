import type { Options } from '../../capability/capability.ts';
import { durationOf } from '../../core/time.ts';

export const RETRY_OPTION = [
  '--retry-for <duration>',
  'if it is refused for a cause that passes (a member is away, another command works), wait and try again: 50m, 6h',
] as const;

/** Seconds. @throws UserError USAGE */
export const retryFor = ({ retryFor: given }: Options): number => (given === undefined ? 0 : durationOf('--retry-for', String(given)));
