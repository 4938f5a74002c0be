import * as z from 'zod';
import { secret } from '../../../settings/fields.ts';

/** Sign-in by accounts at plex.tv. */
export const plexSettings = z
  .strictObject({
    server: z
      .string()
      .regex(/^[A-Za-z0-9-]{8,64}$/, 'should be the `machineIdentifier` that http://SERVER:32400/identity shows')
      .optional()
      .describe(
        'Your Plex server (`machineIdentifier`, as `http://SERVER:32400/identity` shows it): people who may see it sign in by Plex',
      ),
    roles: z
      .array(
        z
          .string()
          .regex(/^(?!everyone$|admin$|operator$)[a-z][a-z0-9_-]{0,31}$/, 'should be member, guest, or a group of your own such as family'),
      )
      .default(['member'])
      .describe('Roles and groups of those people; with none, only users who are linked with an account there come in'),
    allow: z
      .array(z.string().regex(/^\P{C}{1,255}$/u, 'should be an e-mail address, @example.org, or the id of an account'))
      .default([])
      .describe('Who of them may come in at all: confirmed e-mail addresses, `@example.org`, or ids of accounts'),
    ca: secret().describe('The CA of a proxy that reads TLS on the way to plex.tv, in PEM'),
  })
  .prefault({});
