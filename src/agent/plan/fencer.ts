import type { ContainerState } from '../engine-client.ts';

/** The leader's lock as it was read: who holds it, and the revision of the store at which it was last written. */
export interface Lock {
  holder: string;
  revision: string;
}

/**
 * What the fencer does next. The order is its safety (docs/fencer.md): the lock is read, *then* its holder is proven dead,
 * *then* the lock is deleted if it still is what was read.
 */
export type FencerStep = { do: 'read' } | { do: 'inspect'; lock: Lock } | { do: 'kill'; lock: Lock } | { do: 'release'; lock: Lock };

export type FencerAnswer =
  | { to: 'read'; lock: Lock | undefined }
  /** `tooLong`: it has been paused for longer than it may be. */
  | { to: 'inspect'; state: ContainerState; tooLong: boolean }
  | { to: 'kill' }
  | { to: 'release'; released: boolean };

/** Pure: the step after an answer, or undefined where this round is over. */
export function nextStep(step: FencerStep, answer: FencerAnswer): FencerStep | undefined {
  if (step.do === 'read' && answer.to === 'read') return answer.lock && { do: 'inspect', lock: answer.lock };
  if (step.do === 'inspect' && answer.to === 'inspect') {
    if (isDead(answer.state)) return { do: 'release', lock: step.lock };
    // A paused process could resume at any time: it has to be dead first, and proven dead, by the same reading of the lock.
    return answer.state.paused && answer.tooLong ? { do: 'kill', lock: step.lock } : undefined;
  }
  if (step.do === 'kill' && answer.to === 'kill') return { do: 'inspect', lock: step.lock };
  return undefined;
}

/** No process of it is left, by the engine's word. */
const isDead = (state: ContainerState): boolean => !state.running && !state.paused && !state.restarting && state.pid === 0;
