import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';
import { ldapSettings } from './ldap.ts';
import { mailSettings } from './mail.ts';
import { plexSettings } from './plex.ts';
import { providersSettings } from './providers.ts';
import { ROLES } from './roles.ts';

const within = (least: number, most: number) => {
  const message = `should be a number from ${least} to ${most}`;
  return z.int(message).min(least, message).max(most, message);
};

/** HTTPS; plain HTTP to this very device; or a scheme of an app's own, which has a dot (RFC 8252, 7.1 and 7.3). Matched letter by letter. */
const REDIRECT =
  /^(?:https:\/\/[^\s/?#@*\\]+|http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?|[a-z][a-z0-9+-]*\.[a-z0-9.+-]*:(?=\/))(?:[/?][^\s#*\\]*)?$/;
const redirect = z
  .string()
  .regex(REDIRECT, 'should be a whole address such as https://grafana.example.org/login/generic_oauth, without * and #');
const role = z
  .string()
  .regex(/^(?!everyone$)[a-z][a-z0-9_-]{0,31}$/, `should be one of ${ROLES.join(', ')}, or a group of your own such as family`);

/** What becomes of a session that is used from another address. */
const ADDRESS_MODES = ['off', 'tell', 'bind'] as const;

const client = z.strictObject({
  redirect: z.array(redirect).min(1).describe('Where the sign-in may return to, letter by letter'),
  logout: z.array(redirect).default([]).describe('Where the sign-out may return to'),
  roles: z.array(role).min(1).default(['member']).describe('Who may use it: roles, which include those above them, or groups of your own'),
  mfa: z.boolean().default(false).describe('Only who has signed in with a second factor'),
  pkce: z.boolean().default(true).describe('Demands PKCE (RFC 7636); `false` for an application that has none'),
});

export const signOnSettings = z
  .strictObject({
    sessionHours: within(1, 2160).default(168).describe('Hours after which who is signed in has to sign in again'),
    graceMinutes: within(0, 120)
      .default(15)
      .describe('Minutes for which those who are signed in stay so while the identity provider or its database is away; 0 for none'),
    invitationHours: within(1, 720).default(72).describe('Hours for which an invitation is good'),
    address: z
      .enum(ADDRESS_MODES)
      .default('tell')
      .describe(
        'A session that is used from another address than it began at: `tell` writes a line into the log of sign-on, `bind` ends it, `off` does neither',
      ),
    passwordLength: within(8, 64).default(12).describe('Characters that a password has at least'),
    title: z
      .string()
      .regex(/^[\p{L}\p{N} ._-]{1,40}$/u, 'should be 1 to 40 letters, digits, spaces, dots, - and _')
      .default('MediaNest')
      .describe('What the page of the sign-in and authenticator apps call this server'),
    clients: z
      .record(z.string().regex(/^[a-z][a-z0-9-]{0,30}$/, 'a client’s name has up to 31 lower-case letters, digits and -'), client)
      .default({})
      .describe('Applications that sign their users in here by OpenID Connect, by name: `{ grafana: { redirect: [https://...] } }`'),
    mail: mailSettings,
    ldap: ldapSettings,
    providers: providersSettings,
    plex: plexSettings,
    processes: within(2, 32).default(3).describe('Requests that it answers at the same time'),
    memory: memory('384m').describe('Memory limit of the container; a process takes about 70 MiB'),
    cpus: cpus(2).describe('Processors that the container may use at most; never more than the host has'),
  })
  .superRefine(({ providers, plex }, context) => {
    if (plex.server === undefined || !Object.hasOwn(providers, 'plex')) return;
    context.addIssue({
      code: 'custom',
      path: ['providers', 'plex'],
      message: 'is the name of `signOn.plex`: give it another one',
      input: undefined,
    });
  });

export type SignOnSettings = z.output<typeof signOnSettings>;
