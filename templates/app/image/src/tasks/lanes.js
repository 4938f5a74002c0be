// @ts-check
import { OverseerrError } from '../media/overseerr.js';
import { senders } from '../notify/notify.js';
import { FORWARD } from '../requests/store.js';

// With the waits between them, a night of Overseerr's, and an hour of a channel's.
const MOST_FORWARDS = 100;
const MOST_SENDS = 12;

/**
 * @param {import('../notify/channels.js').Channels} channels
 * @param {import('../media/overseerr.js').Overseerr | undefined} overseerr
 * @returns {Record<string, import('./worker.js').Lane>}
 */
export function createLanes(channels, overseerr) {
  const set = Object.entries(channels).filter(([, channel]) => channel !== undefined);
  const sends = set.map(([name, channel]) => {
    const send = /** @type {NonNullable<typeof senders[string]>} */ (senders[name]);
    return [name, { most: MOST_SENDS, run: (/** @type {import('./worker.js').Task} */ { event, told }) => send(channel, event, told) }];
  });
  return { ...Object.fromEntries(sends), ...(overseerr && { [FORWARD]: { most: MOST_FORWARDS, run: forwardTo(overseerr) } }) };
}

/** @param {import('../media/overseerr.js').Overseerr} overseerr */
const forwardTo =
  (overseerr) =>
  async (/** @type {import('./worker.js').Task} */ { told: { status, kind, tmdbId } }) => {
    if (status !== 'approved' || tmdbId === null || (kind !== 'movie' && kind !== 'series')) return;
    const title = await overseerr.title(kind, tmdbId);
    if (!title) throw new OverseerrError('Overseerr does not know this title.', { lasting: true });
    if (title.availability !== 'available') await overseerr.forward(kind, tmdbId);
  };

/**
 * What a request that came to this status has left to do.
 * @param {string} status @param {Record<string, unknown>} lanes
 * @returns {string[]}
 */
export const lanesAfter = (status, lanes) =>
  Object.keys(lanes).filter((lane) => status === 'approved' || (status === 'available' && lane !== FORWARD));
