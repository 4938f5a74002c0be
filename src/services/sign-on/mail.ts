import { UserError } from '../../core/errors.ts';
import { asUrlHost } from '../../core/url-host.ts';
import { listenAddresses } from '../../settings/fields.ts';
import type { BuildInput } from '../../stack/service.ts';
import type { Blueprint, SecretSpec } from '../../stack/types.ts';
import { linkUrl, nameOutside } from '../edge/edge-links.ts';
import type { EdgeSettings } from '../edge/settings/edge-settings.ts';
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

/** Mails are read on other devices, which `localhost` would lead back to themselves. @throws UserError if the edge has no other name */
function refuseLocalLinks(own: EdgeSettings): void {
  if (nameOutside(own) !== undefined || listenAddresses(own.address).every((address) => /^(?:127\.|::1$)/.test(address))) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `signOn.mail: links in mails would begin with ${own.domains[0]}, which is each reader’s own device`,
    'name the portal as its visitors do: `edge: { domains: [films.example.org] }`',
  );
}

/**
 * The part of mail; nothing without a mail server. Links in mails begin with one name, whatever name a visitor has asked for.
 * @throws UserError INVALID_SETTINGS if that name leads nowhere
 */
export function mailPart({ mail, title }: SignOnSettings, edge: EdgeSettings, input: BuildInput): MailPart {
  if (mail.host === undefined) return { files: {}, secrets: [], ways: [] };
  refuseLocalLinks(edge);
  const portal = linkUrl(edge);
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
