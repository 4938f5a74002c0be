import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { removeTree, writeAtomic, writing } from '../core/files.ts';
import type { StateFolder } from '../state/state.ts';
import { type AutoscaleState, NO_STATE, type Pause } from './plan/state.ts';

const FOLDER = 'autoscale';
const STATE = path.join(FOLDER, 'state.json');
/** A file of its own: commands write it while a run has the state. */
const PAUSE = path.join(FOLDER, 'pause.json');

/** Where only one run is at work. */
export const runLock = (state: StateFolder): string => state.at(FOLDER, 'lock');

export const openAutoscale = (state: StateFolder): void =>
  writing(state.at(FOLDER), () => void mkdirSync(state.at(FOLDER), { recursive: true, mode: 0o700 }));

const isState = (value: unknown): boolean => {
  const { samples, actions, regrets } = (value ?? {}) as Partial<AutoscaleState>;
  return Array.isArray(samples) && Array.isArray(actions) && typeof regrets === 'number';
};

/** @throws UserError STATE_DAMAGED */
export const readAutoscale = (state: StateFolder): AutoscaleState =>
  state.readJson<AutoscaleState>(STATE, 'the load is measured again before anything is done', isState) ?? NO_STATE;

export const writeAutoscale = (state: StateFolder, value: AutoscaleState): void =>
  writeAtomic(state.at(STATE), `${JSON.stringify(value)}\n`, 0o600);

const isPause = (value: unknown): boolean => Number.isFinite(Date.parse((value as Pause | null)?.until ?? ''));

/** @throws UserError STATE_DAMAGED */
export const readPause = (state: StateFolder): Pause | undefined =>
  state.readJson<Pause>(PAUSE, 'autoscaling continues with the number of replicas that it finds', isPause);

export function writePause(state: StateFolder, pause: Pause): void {
  openAutoscale(state);
  writeAtomic(state.at(PAUSE), `${JSON.stringify(pause)}\n`, 0o600);
}

export const removePause = (state: StateFolder): void => removeTree(state.at(PAUSE));
