// @ts-check
import { failure } from '../services.js';
import { mailText } from './message.js';
import { deliver } from './smtp.js';

/** @typedef {'approved' | 'available'} Event */
/** @typedef {{id: number, title: string, year: number | null, kind: string, tmdbId: number | null, status: string, requestedBy: string | null, email: string | null, watchUrl: string | null}} Told */

const TIMEOUT_MS = 8000;
const WORDS = { approved: 'was approved', available: 'is available now' };

/**
 * Sends by one channel. What a receiver answers is never shown: it may repeat a secret.
 * @type {Record<string, (channel: any, event: Event, told: Told) => Promise<void>>} each fails with words for a person
 */
export const senders = { mail, ntfy, webhook };

/** @param {Event} event @param {Told} told */
const line = (event, { title, year }) => `“${title}”${year ? ` (${year})` : ''} ${WORDS[event]}.`;

/** To the person who has asked. @param {NonNullable<import('./channels.js').Channels['mail']>} channel @param {Event} event @param {Told} told */
async function mail(channel, event, told) {
  if (!told.email) return;
  const { from } = channel;
  const mail = {
    subject: line(event, told),
    text: `${line(event, told)}\n${told.watchUrl ? `\nWatch it: ${told.watchUrl}\n` : ''}`,
    id: `medianest-request-${told.id}-${event}`,
  };
  await deliver(channel, { from: from.address, to: told.email, text: mailText({ ...mail, from, to: told.email, date: new Date() }) });
}

/** Published as JSON, which goes to the root: headers would not carry every character. @param {NonNullable<import('./channels.js').Channels['ntfy']>} channel @param {Event} event @param {Told} told */
async function ntfy({ url, topic, token }, event, told) {
  const asker = told.requestedBy ? `Requested by ${told.requestedBy}.` : 'Nothing is known of who asked.';
  const click = told.watchUrl && { click: told.watchUrl };
  await post(
    url,
    token,
    {},
    { topic, title: line(event, told), message: asker, tags: [event === 'approved' ? 'thumbsup' : 'tv'], ...click },
  );
}

/** @param {NonNullable<import('./channels.js').Channels['webhook']>} channel @param {Event} event @param {Told} told */
async function webhook({ url, token }, event, { email: _email, ...request }) {
  // A receiver that cares can tell a second delivery of the same by this.
  const key = { 'idempotency-key': `medianest-request-${request.id}-${event}` };
  await post(url, token, key, { event: `request.${event}`, text: line(event, { ...request, email: null }), request });
}

/** @param {string} url @param {string | undefined} token @param {Record<string, string>} headers @param {object} body */
async function post(url, token, headers, body) {
  const sent = { ...headers, 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const init = { method: 'POST', headers: sent, body: JSON.stringify(body), signal: AbortSignal.timeout(TIMEOUT_MS) };
  // A receiver may not lead us elsewhere.
  const response = await fetch(url, { ...init, redirect: 'manual' }).catch((error) => {
    throw new Error(failure(error, TIMEOUT_MS));
  });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`it answers with HTTP ${response.status}`);
}
