import { plural } from '../../core/plural.ts';

/** What one run has done. */
export interface RunOutcome {
  /** Another run is at work, and this one did nothing. */
  busy: boolean;
  samples: number;
  actions: { from: number; to: number; reason: string; result: 'done' | 'failed' | 'refused' | 'planned'; message?: string }[];
  /** Replicas that should run now. */
  replicas: number;
  /** The last decision. */
  decision: string;
}

export function runText({ busy, actions, replicas, decision }: RunOutcome): string {
  if (busy) return 'another run is at work; nothing was done';
  const lines = actions.map(({ from, to, reason, result, message }) => {
    const change = `app: ${from} -> ${to}: ${reason}`;
    return result === 'done' ? change : result === 'planned' ? `would change ${change}` : `${change}; ${result}: ${message}`;
  });
  return [...lines, `${plural(replicas, 'replica')}: ${decision}`].join('\n');
}
