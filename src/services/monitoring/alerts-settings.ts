import * as z from 'zod';
import { hostName, memory, portNumber, secret, timeZone } from '../../settings/fields.ts';

const CHANNEL_KINDS = ['email', 'slack', 'webhook', 'ntfy', 'gotify', 'sms'] as const;
/** As a receiver of Alertmanager and in `alerts test`: no channel may have these names. */
export const DEAD_MAN = 'dead-man';
const NO_RECEIVER = 'none';

export const SEVERITIES = ['critical', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What each kind needs, and what it may be given besides. `sms` goes by a gateway's webhook, or by its e-mail. */
const FIELDS: Record<(typeof CHANNEL_KINDS)[number], { needs: readonly string[]; takes: readonly string[] }> = {
  email: { needs: ['host', 'from', 'to'], takes: ['port', 'tls', 'user', 'password', 'report'] },
  slack: { needs: ['url'], takes: [] },
  webhook: { needs: ['url'], takes: ['token'] },
  ntfy: { needs: ['url', 'topic'], takes: ['token'] },
  gotify: { needs: ['url', 'token'], takes: [] },
  sms: { needs: ['to'], takes: ['url', 'token', 'user', 'password', 'fields', 'form', 'host', 'port', 'tls', 'from'] },
};
const COMMON = ['kind', 'severities', 'quiet'];

const clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'should be a time such as "22:00", in quotes');
/** It becomes a line of a message's head. */
const address = z.string().regex(/^[^\r\n]{3,200}$/, 'should be an address, without line breaks');

const channel = z
  .strictObject({
    kind: z.enum(CHANNEL_KINDS).describe('How it is told'),
    url: secret().describe('Address of the receiver, http or https; a secret, as many hold a token'),
    topic: z
      .string()
      .regex(/^[\w-]{1,64}$/, 'should be letters, digits, - and _')
      .optional()
      .describe('ntfy: the topic'),
    token: secret().describe('Token of the receiver'),
    host: hostName.optional().describe('Mail server'),
    port: portNumber.optional().describe('Its port; by `tls`, 587, 465 or 25'),
    tls: z.enum(['starttls', 'implicit', 'none']).default('starttls').describe('How the connection to the mail server is encrypted'),
    from: address.optional().describe('Sender'),
    to: z.array(address).min(1, 'should name a receiver').max(20).optional().describe('Receivers: e-mail addresses, or numbers'),
    user: z.string().min(1).optional().describe('User at the mail server or the gateway'),
    password: secret().describe('Password of that user'),
    fields: z
      .record(z.string(), z.string())
      .optional()
      .describe('sms: what the gateway is sent, with {to} and {text} in it; `{ to: "{to}", text: "{text}" }` if not given'),
    form: z.boolean().default(false).describe('sms: the gateway takes a form, and not JSON'),
    report: z.boolean().optional().describe('email: it is sent the report of the stack each week (docs/report.md)'),
    severities: z.array(z.enum(SEVERITIES)).min(1).default(['critical', 'warning']).describe('Which alerts it is told'),
    quiet: z
      .strictObject({ from: clock, to: clock })
      .refine(({ from, to }) => from !== to, 'should begin and end at different times')
      .optional()
      .describe('From when to when only critical alerts are told, by the clock of `alerts.timezone`'),
  })
  .superRefine((value, context) => {
    const given = value as Record<string, unknown>;
    const { needs, takes } = FIELDS[value.kind];
    const known = [...COMMON, ...needs, ...takes, 'tls', 'form'];
    const refuse = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message, input: given[key] });
    for (const key of needs) if (given[key] === undefined) refuse(key, `is needed with \`kind: ${value.kind}\``);
    for (const key of Object.keys(given)) if (!known.includes(key)) refuse(key, `is no setting of \`kind: ${value.kind}\``);
    if (value.url && !isHttp(value.url.reveal())) refuse('url', 'should be an address such as https://hooks.example.org/x');
    if (value.kind === 'sms' && (value.url === undefined) === (value.host === undefined))
      refuse('url', 'should be the gateway’s address, or `host` its mail server: one of the two');
    if (value.host && value.from === undefined) refuse('from', 'is needed with `host`');
    if ((value.user === undefined) !== (value.password === undefined)) refuse('password', 'goes with `user`');
  });

function isHttp(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '';
}

export const alertsSettings = z.strictObject({
  channels: z
    .record(
      z
        .string()
        .regex(/^[a-z][a-z0-9-]{0,30}$/, 'should be a name of lower-case letters, digits and -')
        .refine((name) => name !== DEAD_MAN && name !== NO_RECEIVER),
      channel,
    )
    .default({})
    .describe(
      'Where alerts are sent, each channel under a name of your choice: e-mail, Slack, a webhook, ntfy, Gotify or SMS (docs/alerts.md)',
    ),
  deadMan: z
    .strictObject({
      url: secret()
        .refine(
          (value) => value === undefined || isHttp(value.reveal()),
          'should be an address such as https://uptime.example.org/api/push/x',
        )
        .describe('It is called each minute while alerts work: a push monitor outside (Uptime Kuma) alerts when the calls stop'),
    })
    .prefault({}),
  repeatHours: z.int().min(1).max(168).default(4).describe('An alert that still fires is told again after so many hours'),
  timezone: timeZone('UTC')
    .refine((value) => value !== 'host', 'should be a time zone such as Europe/Berlin')
    .describe('Where the hours of quiet times are, such as `Europe/Berlin`'),
  memory: memory('64m').describe('Memory limit of Alertmanager'),
  relayMemory: memory('128m').describe('Memory limit of the container that sends to the channels'),
});

export type AlertsSettings = z.output<typeof alertsSettings>;
export type ChannelSettings = AlertsSettings['channels'][string];
