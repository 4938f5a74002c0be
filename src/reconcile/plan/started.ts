/** Pure: whether what was started has come to stay. */

export interface Started {
  /** Restarts by the engine since it was started, or since this run began. */
  restarts: number;
  /** The same when it was first looked at. */
  noticed: number;
  /** How long it has run without an end. */
  upSeconds: number;
  well: boolean;
  /** How long it has to have run before it counts. */
  settleSeconds: number;
}

/** After an end it has to run that long without another, as for Docker's own restart policy. */
const CURED_SECONDS = 10;

/** `failed`: it has ended again while it was looked at. */
export function judgeStart({ restarts, noticed, upSeconds, well, settleSeconds }: Started): 'proven' | 'wait' | 'failed' {
  if (restarts > noticed && noticed > 0) return 'failed';
  const wanted = restarts > 0 ? Math.max(CURED_SECONDS, settleSeconds) : settleSeconds;
  return well && upSeconds >= wanted ? 'proven' : 'wait';
}

/** Milliseconds between two looks at what is waited for. */
export const LOOK_MS = 500;
/** The clocks of the engine and of this program may be that far apart. */
const SLACK_MS = 20;

/** Milliseconds until what has only to stay up has run for long enough, `LOOK_MS` at most. */
export const settledIn = (upSeconds: number, settleSeconds: number): number =>
  Math.min(LOOK_MS, Math.max(0, Math.ceil((settleSeconds - upSeconds) * 1000)) + SLACK_MS);
