// @ts-check
import { readText } from '../connection-url.js';
import { httpUrl, number, secret } from '../env.js';
import { ConfigError } from '../errors.js';
import { readSender } from './message.js';

/** @typedef {ReturnType<typeof readChannels>} Channels */

const TLS = ['starttls', 'implicit', 'none'];
const USUAL_PORTS = { starttls: 587, implicit: 465, none: 25 };

/**
 * Where people hear that a request was approved or is there; of each kind one, undefined where it is not set.
 * @param {import('../env.js').Env} env
 */
export function readChannels(env) {
  return { mail: mail(env), ntfy: ntfy(env), webhook: webhook(env) };
}

/** @param {import('../env.js').Env} env */
function mail(env) {
  const { NOTIFY_MAIL_HOST: host, NOTIFY_MAIL_TLS: tls = 'starttls', NOTIFY_MAIL_USER: user, NOTIFY_MAIL_CA_FILE: ca } = env;
  if (!host) return undefined;
  const from = readSender(env.NOTIFY_MAIL_FROM ?? '');
  if (!from) throw new ConfigError('NOTIFY_MAIL_FROM must be an address, or NAME <ADDRESS>');
  if (!TLS.includes(tls)) throw new ConfigError(`NOTIFY_MAIL_TLS must be one of ${TLS.join(', ')}`);
  const kind = /** @type {keyof typeof USUAL_PORTS} */ (tls);
  const port = number(env, 'NOTIFY_MAIL_PORT', USUAL_PORTS[kind], 65535);
  const password = secret(env, 'NOTIFY_MAIL_PASSWORD');
  return { host, port, tls: kind, from, user: user || undefined, password, ca: ca ? readText('NOTIFY_MAIL_CA_FILE', ca) : undefined };
}

/** @param {import('../env.js').Env} env */
function ntfy(env) {
  const { NOTIFY_NTFY_URL: url, NOTIFY_NTFY_TOPIC: topic } = env;
  if (!url) return undefined;
  if (!topic) throw new ConfigError('NOTIFY_NTFY_TOPIC must be set with NOTIFY_NTFY_URL');
  return { url: httpUrl('NOTIFY_NTFY_URL', url), topic, token: secret(env, 'NOTIFY_NTFY_TOKEN') };
}

/** @param {import('../env.js').Env} env */
function webhook(env) {
  const url = secret(env, 'NOTIFY_WEBHOOK_URL');
  return url ? { url: httpUrl('NOTIFY_WEBHOOK_URL', url), token: secret(env, 'NOTIFY_WEBHOOK_TOKEN') } : undefined;
}
