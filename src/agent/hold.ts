import { statSync } from 'node:fs';
import { holds } from '../state/plan/hold.ts';

/** A command of medianest at work touches this file every few seconds (state/pause-healing.ts): what it stops it starts itself. */
const HOLD_FILE = '/run/hold/hold';

export const isHeld = (now: number): boolean => holds(statSync(HOLD_FILE, { throwIfNoEntry: false })?.mtimeMs, now);
