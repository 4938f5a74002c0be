import type { JsonObject } from '../../core/json.ts';
import type { Notification } from './notification.ts';
import { bodyOf, shortOf, titleOf } from './text.ts';

/** A channel with its secrets as they are. */
export interface Channel {
  name: string;
  kind: 'email' | 'slack' | 'webhook' | 'ntfy' | 'gotify' | 'sms';
  url?: string | undefined;
  topic?: string | undefined;
  token?: string | undefined;
  host?: string | undefined;
  port?: number | undefined;
  tls: 'starttls' | 'implicit' | 'none';
  from?: string | undefined;
  to?: readonly string[] | undefined;
  user?: string | undefined;
  password?: string | undefined;
  fields?: Readonly<Record<string, string>> | undefined;
  form: boolean;
}

/** One POST. */
export interface WebRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

/** One e-mail. */
export interface Mail {
  from: string;
  to: readonly string[];
  subject: string;
  text: string;
  attachments?: readonly Attachment[];
}

/** A file that goes with an e-mail. */
export interface Attachment {
  filename: string;
  content: string;
  contentType: string;
}

const json = (url: string, body: JsonObject, headers: Record<string, string> = {}): WebRequest => ({
  url,
  headers: { 'Content-Type': 'application/json', ...headers },
  body: JSON.stringify(body),
});

/** Who we are to the receiver: a token, or a user and a password. */
function authorization({ token, user, password }: Channel): Record<string, string> {
  if (token) return { Authorization: `Bearer ${token}` };
  if (user) return { Authorization: `Basic ${Buffer.from(`${user}:${password ?? ''}`).toString('base64')}` };
  return {};
}

const isCritical = ({ status, alerts }: Notification): boolean =>
  status === 'firing' && alerts.some(({ status: own, labels }) => own === 'firing' && labels.severity === 'critical');

/** What a channel is sent over HTTP: each is one request, and all of them have to be accepted. */
export function requestsOf(channel: Channel, told: Notification): WebRequest[] {
  const { url = '' } = channel;
  const [title, message, critical] = [titleOf(told), bodyOf(told), isCritical(told)];
  switch (channel.kind) {
    case 'slack':
      return [json(url, { text: `*${forSlack(title)}*\n\`\`\`${forSlack(message)}\`\`\`` })];
    case 'ntfy': {
      // Published as JSON, which goes to the root: headers would not carry every character.
      const tags = [told.status === 'resolved' ? 'white_check_mark' : critical ? 'rotating_light' : 'warning'];
      const priority = told.status === 'resolved' ? 3 : critical ? 5 : 4;
      return [json(url, { topic: channel.topic ?? '', title, message, priority, tags }, authorization(channel))];
    }
    case 'gotify': {
      const priority = told.status === 'resolved' ? 4 : critical ? 10 : 6;
      return [json(`${url.replace(/\/+$/, '')}/message`, { title, message, priority }, { 'X-Gotify-Key': channel.token ?? '' })];
    }
    case 'sms':
      return (channel.to ?? []).map((to) => smsOf(channel, to, shortOf(told)));
    default:
      return [json(url, alertmanagerBody(told, title, message), authorization(channel))];
  }
}

/** As Alertmanager writes it (version 4), so that what knows Alertmanager understands it, with our texts beside it. */
function alertmanagerBody(told: Notification, title: string, text: string): JsonObject {
  const alerts = told.alerts.map((alert) => ({ ...alert, labels: { ...alert.labels }, annotations: { ...alert.annotations } }));
  const common = (key: 'labels' | 'annotations') =>
    Object.fromEntries(
      Object.entries(told.alerts[0]?.[key] ?? {}).filter(([name, value]) => told.alerts.every((alert) => alert[key][name] === value)),
    );
  return {
    version: '4',
    project: told.project,
    receiver: told.receiver,
    status: told.status,
    title,
    text,
    commonLabels: common('labels'),
    commonAnnotations: common('annotations'),
    truncatedAlerts: told.truncated,
    alerts,
  };
}

function smsOf(channel: Channel, to: string, text: string): WebRequest {
  const { url = '', fields = { to: '{to}', text: '{text}' }, form } = channel;
  const filled = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, value.replace(/\{(to|text)\}/g, (_all, name) => (name === 'to' ? to : text))]),
  );
  if (!form) return json(url, filled, authorization(channel));
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded', ...authorization(channel) };
  return { url, headers, body: new URLSearchParams(filled).toString() };
}

/** An e-mail, or an SMS by e-mail; undefined for a channel that goes over HTTP. */
export function mailOf(channel: Channel, told: Notification): Mail | undefined {
  const { kind, host, from = '', to = [] } = channel;
  if (!host) return undefined;
  if (kind === 'sms') return { from, to, subject: '', text: shortOf(told) };
  return { from, to, subject: titleOf(told), text: `${bodyOf(told)}\n` };
}

/** Slack reads these three (its reference, "Formatting text"). */
const forSlack = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
