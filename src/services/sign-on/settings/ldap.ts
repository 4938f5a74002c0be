import * as z from 'zod';
import { isLoopback } from '../../../core/url-host.ts';
import { hostName, secret } from '../../../settings/fields.ts';
import { both } from '../../shared/mail-server.ts';

const dn = z.string().regex(/^[^\r\n\0]{3,500}$/, 'should be a distinguished name such as ou=people,dc=example,dc=org');
const attribute = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,62}$/, 'should be the name of an attribute');
const group = z.string().regex(/^(?!everyone$)[a-z][a-z0-9_-]{0,31}$/, 'should be a role, or a group of your own such as family');

/** Whether every bracket of a filter (RFC 4515) is closed. What else is wrong, the server says. */
function isFilter(text: string): boolean {
  let depth = 0;
  for (const character of text.replace(/\\[0-9a-fA-F]{2}/g, '')) {
    if (character === '(') depth++;
    else if (character === ')') depth--;
    if (depth < 0) return false;
  }
  return depth === 0 && /^\(.*\)$/.test(text);
}

const filter = (placeholder: string) =>
  z
    .string()
    .refine(isFilter, 'should be a filter such as (uid={login}), in brackets')
    .refine((text) => text.includes(placeholder), `should contain ${placeholder}`);

const isServer = (text: string): boolean => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^ldaps?:$/.test(url.protocol) || !/^\/?$/.test(url.pathname) || /[?#@\s]/.test(text)) return false;
  // Of these schemes a URL takes nearly any letter for a host.
  return hostName.safeParse(url.hostname.replace(/^\[|\]$/g, '')).success && url.port !== '0';
};

/** A directory whose users may sign in. */
export const ldapSettings = z
  .strictObject({
    url: z
      .string()
      .refine(isServer, 'should be an address in lower case such as ldaps://ldap.example.org, or ldap:// for StartTLS')
      .optional()
      .describe(
        'LDAP whose users may sign in too: `ldaps://HOST`, or `ldap://HOST`, where StartTLS is demanded; no password is ever sent in the clear',
      ),
    ca: secret().describe('The CA that has signed its certificate, in PEM: `file:ldap-ca.pem`; without it, the CAs that Debian knows'),
    baseDn: dn.optional().describe('Where users and groups are searched for: `dc=example,dc=org`'),
    bindDn: dn.optional().describe('Who searches, with rights to read alone; anonymous without it'),
    bindPassword: secret().describe('Its password'),
    userFilter: filter('{login}')
      .default('(uid={login})')
      .describe('Finds a user by name; `(sAMAccountName={login})` for Active Directory'),
    groupFilter: filter('{dn}')
      .default('(|(member={dn})(uniqueMember={dn}))')
      .describe('Finds the groups of a user, besides those that `memberOf` names; `{login}` is the name'),
    nameAttribute: attribute.default('cn').describe('Name as others see it'),
    emailAttribute: attribute.default('mail').describe('E-mail address'),
    groups: z
      .record(z.string().min(1), z.array(group).min(1))
      .default({})
      .describe(
        'Roles and groups by the name (`cn`) or the whole name of a group there: `{ media-admins: [admin], family: [member, family] }`',
      ),
    everyone: z
      .array(group)
      .default([])
      .describe('Roles and groups of each user found; without any, only who is in one of `groups` may sign in'),
    syncMinutes: z
      .int('should be a number from 1 to 1440')
      .min(1, 'should be a number from 1 to 1440')
      .max(1440, 'should be a number from 1 to 1440')
      .default(10)
      .describe('Minutes after which the groups of those who have signed in are read again; changes end their sessions'),
  })
  .superRefine(both('url', 'baseDn'))
  .superRefine(both('bindDn', 'bindPassword'))
  .superRefine(({ url }, context) => {
    if (url === undefined || !isServer(url) || !isLoopback(new URL(url).hostname)) return;
    context.addIssue({
      code: 'custom',
      path: ['url'],
      message: 'should be an address that containers reach: this one is the container’s own',
      input: undefined,
    });
  })
  .prefault({});
