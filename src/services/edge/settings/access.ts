import * as z from 'zod';
import { EVERYONE, ROLES } from '../../sign-on/settings/roles.ts';
import { plainPath } from './plain-path.ts';

const role = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, `should be one of ${[...ROLES, EVERYONE].join(', ')}, or a group of your own such as family`);

const rule = z
  .strictObject({
    paths: z.array(plainPath).min(1).describe('Starts of paths'),
    roles: z
      .array(role)
      .min(1)
      .describe(
        `Who may see them: any of ${ROLES.map((name) => `\`${name}\``).join(', ')} (a role includes those above it), groups of your own, or \`${EVERYONE}\`, without a sign-in`,
      ),
    mfa: z.boolean().default(false).describe('Only who has signed in with a second factor'),
    tokens: z
      .boolean()
      .optional()
      .describe('API tokens may come in; left out, they may where `mfa` is false, because a token has no second factor'),
  })
  .refine(({ roles }) => !roles.includes(EVERYONE) || roles.length === 1, `${EVERYONE} stands alone: it includes all others`)
  .refine(({ roles, mfa }) => !(roles.includes(EVERYONE) && mfa), `${EVERYONE} does not sign in, so there is no second factor either`)
  .refine(({ roles, tokens }) => !roles.includes(EVERYONE) || tokens === undefined, `${EVERYONE} includes those who have a token`);

/** Who may see what: the first rule whose path fits counts. */
export const accessSettings = z
  .union([z.literal('none'), z.array(rule)], 'should be `none`, or a list of { paths, roles, mfa }')
  .default([])
  .describe(
    'With `components: { sign-on: true }`: who may see which paths (docs/sign-on.md); the first rule that fits counts, and all other paths need `member`. `none`: visitors do not sign in, and everyone sees everything',
  );
