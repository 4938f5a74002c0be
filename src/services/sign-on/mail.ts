import { asUrlHost } from '../../core/url-host.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { mailPort, mailUrl } from '../shared/mail-server.ts';
import { wayOut } from '../shared/way-out.ts';
import { SIGN_ON, SIGN_ON_HOST } from './settings/address.ts';
import type { SignOnSettings } from './settings/sign-on-settings.ts';

const WAY_HOST = 67;

/** What sending mail adds to the service: a file, secrets, and the container that leads to the mail server. */
interface MailPart {
  files: Record<string, string>;
  secrets: SecretSpec[];
  ways: Blueprint[];
}

/**
 * The part of mail; nothing without a mail server.
 * @param portal the portal's address, which ends in /: links in mails begin with it, whatever name a visitor has asked for
 */
export function mailPart({ mail, title }: SignOnSettings, portal: string, input: BuildInput): MailPart {
  if (mail.host === undefined) return { files: {}, secrets: [], ways: [] };
  const { host, tls, from, user, password, ca, resetMinutes } = mail;
  const port = mailPort(mail);
  const given: [string, typeof password][] = [
    ['sign-on-mail-password', password],
    ['sign-on-mail-ca', ca],
  ];
  // The certificate is checked for `host`; the connection leads to the container that passes it on.
  const file = {
    ...{ host, connect: { host: input.address('auth', WAY_HOST), port }, tls, from, title, portal, resetMinutes },
    ...(user !== undefined && { user }),
    ...(ca && { hasCa: true }),
  };
  return {
    files: { 'mail.json': `${JSON.stringify(file, null, 2)}\n` },
    secrets: given.flatMap(([name, value]) => (value ? [{ name, source: { given: value } }] : [])),
    ways: [
      wayOut(
        {
          name: 'sign-on-mail',
          host: WAY_HOST,
          target: asUrlHost(host),
          port,
          // STARTTLS is demanded, too.
          url: mailUrl(host, port).replace(/^smtp:/, tls === 'none' ? 'smtp:' : 'smtps:'),
          callers: [input.address('auth', SIGN_ON_HOST)],
          component: SIGN_ON,
          interruption: 'about 2 s: mails wait',
        },
        input,
      ),
    ],
  };
}
