import { writeAtomic } from '../core/files.ts';
import { isRecord } from '../state/plan/record.ts';
import type { StateFolder } from '../state/state.ts';
import { type AlertState, NO_STATE } from './plan/round.ts';
import type { Silence } from './plan/silence.ts';

const STATE = 'alerts.json';
const SILENCES = 'silences.json';

/** Where only one round is at work. */
export const roundLock = (state: StateFolder): string => state.at('alerts.lock');

const isState = (value: unknown): boolean => isRecord(value) && 'alerts' in (value as object) && 'failures' in (value as object);

export const readAlertState = (state: StateFolder): AlertState =>
  state.readJson<AlertState>(STATE, 'alerts that still fire are told once more', isState) ?? NO_STATE;

export const writeAlertState = (state: StateFolder, value: AlertState): void =>
  writeAtomic(state.at(STATE), `${JSON.stringify(value, null, 1)}\n`, 0o600);

/** Silences of a project without Alertmanager, which keeps its own. */
export const readSilences = (state: StateFolder): Silence[] =>
  state.readJson<Silence[]>(SILENCES, 'what was silenced is told again', Array.isArray) ?? [];

export const writeSilences = (state: StateFolder, silences: readonly Silence[]): void =>
  writeAtomic(state.at(SILENCES), `${JSON.stringify(silences, null, 1)}\n`, 0o600);
