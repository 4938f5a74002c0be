import * as z from 'zod';
import { Secret } from '../../core/secret.ts';
import { withHost } from '../../core/url-host.ts';
import { httpUrl, secret } from '../../settings/fields.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { both, mailPort, mailServerFields, mailUrl } from '../shared/mail-server.ts';

const isHttp = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '';
};

/** The portal behind sign-on: how much people may ask for, and how they hear of it. */
export const portalSettings = z.strictObject({
  requestQuota: z
    .int()
    .min(0)
    .max(1000)
    .optional()
    .describe(
      'Requests that a member may make in 7 days, 10 if not given; an administrator gives a person another number on the page /admin',
    ),
  mail: z
    .strictObject(mailServerFields('Mail server that the portal tells people by, at the address that sign-on knows'))
    .superRefine(both('host', 'from'))
    .superRefine(both('user', 'password'))
    .prefault({}),
  ntfy: z
    .strictObject({
      url: httpUrl().describe('Address of an ntfy server, without the topic'),
      topic: z
        .string()
        .regex(/^[\w-]{1,64}$/, 'should be letters, digits, - and _')
        .optional()
        .describe('The topic; all who have subscribed to it read the title and who has asked'),
      token: secret().describe('Token of the server'),
    })
    .superRefine(both('url', 'topic'))
    .prefault({}),
  webhook: z
    .strictObject({
      url: secret()
        .refine((value) => value === undefined || isHttp(value.reveal()), 'should be an address such as https://hooks.example.org/x')
        .describe('It is sent JSON when a request was approved or is there; a secret, as many hold a token'),
      token: secret().describe('Sent to it as `Authorization: Bearer`'),
    })
    .prefault({}),
});

export type PortalSettings = z.output<typeof portalSettings>;

/** The addresses outside that the portal sends to, without what is secret in them. */
export function notifyUrls({ mail, ntfy, webhook }: PortalSettings): { id: string; url: string | undefined }[] {
  return [
    { id: 'mail', url: mail.host && mailUrl(mail.host, mailPort(mail)) },
    { id: 'ntfy', url: ntfy.url },
    { id: 'webhook', url: webhook.url && new URL(webhook.url.reveal()).origin },
  ];
}

/**
 * The variables and secrets of the portal's channels.
 * @param given an address outside, as the application reaches it
 */
export function notifyContract(own: PortalSettings, given: (url: string) => string) {
  const { mail, ntfy, webhook, requestQuota } = own;
  const [{ url: server }, , { url: hook }] = notifyUrls(own) as [{ url?: string }, unknown, { url?: string }];
  const { hostname, port } = server ? new URL(given(server)) : { hostname: '', port: '' };
  const files: [variable: string, name: string, secret: Secret | undefined][] = [
    ['NOTIFY_MAIL_PASSWORD_FILE', 'notify-mail-password', mail.password],
    ['NOTIFY_NTFY_TOKEN_FILE', 'notify-ntfy-token', ntfy.token],
    ['NOTIFY_WEBHOOK_URL_FILE', 'notify-webhook-url', webhook.url && reached(webhook.url, hook ?? '', given)],
    ['NOTIFY_WEBHOOK_TOKEN_FILE', 'notify-webhook-token', webhook.token],
  ];
  const secrets: SecretSpec[] = files.flatMap(([, name, value]) => (value ? [{ name, source: { given: value } }] : []));
  return {
    environment: {
      ...(requestQuota !== undefined && { PORTAL_REQUEST_QUOTA: String(requestQuota) }),
      ...(server && {
        NOTIFY_MAIL_HOST: hostname.replace(/^\[|\]$/g, ''),
        NOTIFY_MAIL_PORT: port,
        NOTIFY_MAIL_TLS: mail.tls,
        NOTIFY_MAIL_FROM: mail.from ?? '',
        ...(mail.user && { NOTIFY_MAIL_USER: mail.user }),
      }),
      ...(ntfy.url && { NOTIFY_NTFY_URL: given(ntfy.url), NOTIFY_NTFY_TOPIC: ntfy.topic ?? '' }),
      ...Object.fromEntries(files.flatMap(([variable, name, value]) => (value ? [[variable, `/run/secrets/${name}`]] : []))),
    } as Record<string, string>,
    secrets,
  };
}

/** The webhook's address with the name of the container that leads there, where it has none of its own. */
function reached(url: Secret, origin: string, given: (url: string) => string): Secret {
  const way = given(origin);
  return way === origin ? url : new Secret(withHost(url.reveal(), new URL(way).hostname));
}
