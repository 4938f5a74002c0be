import type { SentMessageInfo, Transporter } from 'nodemailer';
import type { Notification } from '../plan/notification.ts';
import { type Channel, type Mail, mailOf, requestsOf, type WebRequest } from '../plan/requests.ts';

/** Less than Alertmanager waits for the relay (services/monitoring/alertmanager-view.ts). */
const WEB_TIMEOUT_MS = 4000;
const MAIL_TIMEOUT_MS = 12_000;

/**
 * Sends to one channel. What a receiver answers is never shown whole: it may repeat a secret.
 * @returns why it was not accepted, for a person; undefined where it was
 */
export async function send(channel: Channel, told: Notification): Promise<string | undefined> {
  try {
    const mail = mailOf(channel, told);
    if (mail) return await deliver(channel, mail);
    const problems = await Promise.all(requestsOf(channel, told).map(post));
    return problems.find((problem) => problem !== undefined);
  } catch (error) {
    return wordsOf(error);
  }
}

async function post({ url, headers, body }: WebRequest): Promise<string | undefined> {
  return answered(url, { method: 'POST', headers, body });
}

/** Calls the dead man's switch. @returns why that failed; undefined where it was accepted */
export const callDeadMan = (url: string): Promise<string | undefined> => answered(url, { method: 'GET' });

async function answered(url: string, init: RequestInit): Promise<string | undefined> {
  try {
    // A receiver may not lead us elsewhere.
    const response = await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(WEB_TIMEOUT_MS) });
    await response.body?.cancel();
    if (response.ok) return undefined;
    const hint = { 401: ': the token or password is wrong', 403: ': it does not allow that', 404: ': the address is wrong' }[
      response.status
    ];
    return `it answers ${response.status}${response.status >= 300 && response.status < 400 ? ', which leads elsewhere' : (hint ?? '')}`;
  } catch (error) {
    return wordsOf(error);
  }
}

/** An e-mail of whatever content, by the mail server of a channel. @returns why it was not accepted; undefined where it was */
export async function sendMail(channel: Channel, mail: Mail): Promise<string | undefined> {
  try {
    return await deliver(channel, mail);
  } catch (error) {
    return wordsOf(error);
  }
}

async function deliver({ host, port, tls, user, password }: Channel, mail: Mail): Promise<string | undefined> {
  const { createTransport } = await import('nodemailer');
  const transport: Transporter<SentMessageInfo> = createTransport({
    host,
    port: port ?? { starttls: 587, implicit: 465, none: 25 }[tls],
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user && { auth: { user, pass: password ?? '' } }),
    connectionTimeout: MAIL_TIMEOUT_MS / 3,
    greetingTimeout: MAIL_TIMEOUT_MS / 3,
    socketTimeout: MAIL_TIMEOUT_MS / 3,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    const { rejected } = await transport.sendMail({
      ...mail,
      to: [...mail.to],
      attachments: [...(mail.attachments ?? [])],
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
    const refused = rejected?.length ?? 0;
    return refused > 0 ? `the mail server refuses ${refused} of the addresses` : undefined;
  } finally {
    transport.close();
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  EDNS: 'its name is not known',
  ECONNRESET: 'it closed the connection',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'names cannot be looked up',
  EHOSTUNREACH: 'there is no way to it',
  ENETUNREACH: 'there is no way to it',
  ETIMEDOUT: 'it does not answer in time',
  EAUTH: 'the mail server refuses the user or the password',
  EENVELOPE: 'the mail server refuses the sender or a receiver',
  ETLS: 'the mail server does not speak TLS as asked',
  EPROTO: 'it does not speak TLS there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an issuer that is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an issuer that is not known',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
};

/** The innermost code says most: `fetch failed` says nothing. */
function wordsOf(error: unknown): string {
  const chain: Error[] = [];
  for (let at = error; at instanceof Error && chain.length < 5; at = at.cause) chain.unshift(at);
  if (chain.some(({ name }) => name === 'TimeoutError')) return WORDS.ETIMEDOUT as string;
  // nodemailer keeps what the system said as `originalCode`.
  const codes = chain.flatMap((entry) => {
    const { originalCode, code } = entry as { originalCode?: unknown; code?: unknown };
    return [originalCode, code].filter((value) => typeof value === 'string');
  });
  const known = codes.find((code) => WORDS[code]);
  if (known) return WORDS[known] as string;
  if (codes.some((code) => code.startsWith('ERR_SSL'))) return WORDS.EPROTO as string;
  return codes[0] ? `it cannot be reached (${codes[0]})` : 'it cannot be reached';
}
