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
