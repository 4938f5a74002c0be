import * as z from 'zod';
import { asUrlHost } from '../../core/url-host.ts';
import { hostName, portNumber, secret } from '../../settings/fields.ts';

const USUAL_PORTS = { starttls: 587, implicit: 465, none: 25 };

/** It becomes a line of a message's head. */
const sender = z.string().regex(/^[^\r\n]{3,200}$/, 'should be an address, without line breaks');

/** What goes together: with the one comes the other. */
export const both = (first: string, second: string) => (value: Record<string, unknown>, context: z.RefinementCtx) => {
  if (value[first] === undefined || value[second] !== undefined) return;
  context.addIssue({ code: 'custom', path: [second], message: `is needed with \`${first}\``, input: undefined });
};

/** The settings of a mail server, of which `host` needs `from`, and `user` needs `password`. @param host what the server is for */
export const mailServerFields = (host: string) => ({
  host: hostName.optional().describe(host),
  port: portNumber.optional().describe('Its port; by `tls`, 587, 465 or 25'),
  tls: z.enum(['starttls', 'implicit', 'none']).default('starttls').describe('How the connection to it is encrypted'),
  from: sender.optional().describe('Sender'),
  user: z.string().min(1).optional().describe('User at the mail server'),
  password: secret().describe('Password of that user'),
});

/** The port that is meant where none is given (RFC 6409, 8314, 5321). */
export const mailPort = ({ port, tls }: { port?: number | undefined; tls: keyof typeof USUAL_PORTS }): number => port ?? USUAL_PORTS[tls];

/** A mail server as an address outside: `smtp://mail.example.org:587`. */
export const mailUrl = (host: string, port: number): string => `smtp://${asUrlHost(host)}:${port}`;
