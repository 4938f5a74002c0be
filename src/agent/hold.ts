import { statSync } from 'node:fs';

/** A command of medianest at work touches this file every few seconds (state/pause-healing.ts): what it stops it starts itself. */
const HOLD_FILE = '/run/hold/hold';
/** A pause file that was not touched for so long belongs to a command that was killed. */
const HOLD_MS = 60_000;

export const isHeld = (now: number): boolean => holds(statSync(HOLD_FILE, { throwIfNoEntry: false })?.mtimeMs, now);

export const holds = (touched: number | undefined, now: number): boolean => touched !== undefined && now - touched < HOLD_MS;
