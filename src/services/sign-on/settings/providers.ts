import * as z from 'zod';
import { isAddress, isLoopback } from '../../../core/url-host.ts';
import { hostName, secret } from '../../../settings/fields.ts';

const group = z.string().regex(/^(?!everyone$)[a-z][a-z0-9_-]{0,31}$/, 'should be a role, or a group of your own such as family');
const line = (most: number, what: string) => z.string().regex(new RegExp(`^\\P{C}{1,${most}}$`, 'u'), what);

/** The address by which a provider calls itself: compared letter by letter (OpenID Connect Discovery 1.0, 4.3). */
function isIssuer(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || /[?#@\s\\"]/.test(text) || !text.startsWith(`https://${url.host}`)) return false;
  return isName(url.hostname);
}

/** Of a host that containers reach by its certificate's name. */
const isName = (host: string): boolean => hostName.safeParse(host).success && !isAddress(host) && !isLoopback(host);

const isPlace = (text: string): boolean => {
  const [, host = '', port = '443'] = /^([^:]+)(?::([1-9]\d{0,4}))?$/.exec(text) ?? [];
  return isName(host) && Number(port) < 65536;
};

/** A provider by which people may sign in. */
const provider = z
  .strictObject({
    issuer: z
      .string()
      .refine(isIssuer, 'should be an address such as https://login.example.org, by a name that containers know')
      .describe('Address by which it calls itself, letter by letter: the description is below it, at `/.well-known/openid-configuration`'),
    clientId: line(200, 'should be the client id that it has given').describe('Client id, as registered there'),
    clientSecret: secret().describe('Client secret, as registered there'),
    ca: secret().describe('The CA that has signed its certificate, in PEM: `file:login-ca.pem`; without it, the CAs that Debian knows'),
    hosts: z
      .array(z.string().refine(isPlace, 'should be a name such as oauth2.example.org, or NAME:PORT'))
      .max(8)
      .default([])
      .describe('Other hosts where its description says that tokens, keys or claims are: `[oauth2.googleapis.com, www.googleapis.com]`'),
    label: line(40, 'should be 1 to 40 characters').optional().describe('What its button says; its name here without it'),
    scope: z
      .string()
      .regex(
        /^(?=(?:.* )?openid(?: |$))[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*$/,
        'should be words, with openid among them',
      )
      .default('openid profile email')
      .describe('What it is asked for'),
    groupsClaim: line(100, 'should be the name of a claim').default('groups').describe('Claim with the groups that a person has there'),
    groups: z
      .record(z.string().min(1), z.array(group).min(1))
      .default({})
      .describe('Roles and groups here, by a group there: people with one of these come in without an invitation'),
    everyone: z.array(group).default([]).describe('Roles and groups of each person whom `allow` names'),
    allow: z
      .array(line(255, 'should be an e-mail address, @example.org, or the id of a person there (`sub`)'))
      .default([])
      .describe(
        'Who may come in by it at all: verified e-mail addresses, `@example.org`, or ids (`sub`); without it, each who is known here',
      ),
    mfa: z
      .enum(['here', 'trusted'])
      .default('here')
      .describe('Second factors: `here`, or also there (`trusted`), where its token says that it has seen more than one'),
  })
  .superRefine(({ clientSecret, everyone, allow }, context) => {
    const issue = (key: string, message: string) => context.addIssue({ code: 'custom', path: [key], message, input: undefined });
    if (clientSecret === undefined) issue('clientSecret', 'is needed');
    if (everyone.length > 0 && allow.length === 0) issue('allow', 'is needed with `everyone`: each account there could come in otherwise');
  });

export const providersSettings = z
  .record(z.string().regex(/^[a-z][a-z0-9-]{0,20}$/, 'a provider’s name has up to 21 lower-case letters, digits and -'), provider)
  .superRefine((providers, context) => {
    const issuers = Object.values(providers).map(({ issuer }) => issuer);
    if (new Set(issuers).size < issuers.length)
      context.addIssue({ code: 'custom', message: 'should name each issuer once', input: undefined });
    if (issuers.length > 8) context.addIssue({ code: 'custom', message: 'should be 8 providers at most', input: undefined });
  })
  .default({})
  .describe(
    'Providers of OpenID Connect by which people may sign in, by name: `{ company: { issuer: https://..., clientId: ..., clientSecret: file:... } }`',
  );
