import * as z from 'zod';
import { asUrlHost, isLoopback } from '../../../core/url-host.ts';
import { secret } from '../../../settings/fields.ts';
import { both, mailServerFields } from '../../shared/mail-server.ts';

/** An address alone, or with a name before it: `MediaNest <medianest@example.org>`. */
const SENDER = /^(?:[^<>]*<)?[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+>?$/;

/** By which mail server links for passwords are sent. */
export const mailSettings = z
  .strictObject({
    ...mailServerFields('Mail server by which people are sent links for a new password; without it, links are made on the host alone'),
    ca: secret().describe(
      'The CA that has signed the mail server’s certificate, in PEM: `file:mail-ca.pem`; without it, the CAs that Debian knows',
    ),
    resetMinutes: z
      .int('should be a number from 5 to 1440')
      .min(5, 'should be a number from 5 to 1440')
      .max(1440, 'should be a number from 5 to 1440')
      .default(30)
      .describe('Minutes for which a link for a new password is good'),
  })
  .superRefine(both('host', 'from'))
  .superRefine(both('user', 'password'))
  .superRefine(({ host, from }, context) => {
    const issue = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message, input: undefined });
    if (host !== undefined && isLoopback(asUrlHost(host)))
      issue('host', 'should be an address that containers reach: this one is the container’s own');
    if (from !== undefined && !SENDER.test(from)) issue('from', 'should be an address, or NAME <ADDRESS>');
  })
  .prefault({});
