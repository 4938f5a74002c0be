import type { Capability } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { usersClients } from './commands/clients.ts';
import { usersSessions } from './commands/sessions.ts';
import { usersToken } from './commands/tokens.ts';
import { commands } from './commands/users.ts';

/** Who may sign in, and what they may see. */
export const users: Capability = {
  name: 'users',
  commands: [...commands, usersSessions, usersToken, usersClients],
  groups: {
    users: {
      section: 'Security',
      summary: 'Who may sign in (components: { sign-on: true }): roles, second factors, tokens',
    },
  },
  up: {
    announce: async ({ project, stack, only }) => {
      const { startsToAsk } = await import('./plan/describe.ts');
      return only ? [] : startsToAsk(project.state.manifest()?.services, stack.services, project.loaded.profile);
    },
    outside: async (context, project) => {
      const { firstInvitation, invitationLink, opennessOf, signsIn } = await import('./provider.ts');
      const { openToAll } = await import('./plan/describe.ts');
      const open = openToAll(opennessOf(project));
      if (open) return { data: {}, lines: [open] };
      if (!signsIn(project) || context.flags.dryRun) return undefined;
      try {
        const invitation = await firstInvitation(context, project);
        if (!invitation) return undefined;
        const link = invitationLink(project, invitation);
        const { login, expires } = invitation;
        return {
          data: { invitation: { login, link, expires } },
          lines: [`The first admin, ${login}, sets a password and a second factor here (good once, until ${expires}):`, `  ${link}`],
        };
      } catch (error) {
        // The stack runs: `health` says the same until it is done.
        if (!(error instanceof UserError)) throw error;
        context.report.warn(`the first admin was not invited: ${error.message}; then \`medianest users invite NAME --groups admin\``);
        return undefined;
      }
    },
  },
  checks: async ({ context, project, containers }) => {
    const { leftOffOf, opennessOf, signsIn } = await import('./provider.ts');
    const { openToAll, serverChecks, userChecks } = await import('./plan/describe.ts');
    const open = openToAll(opennessOf(project));
    const opened = open
      ? [
          {
            id: 'sign-on.access',
            status: 'warn' as const,
            message: open,
            remedy: 'leave `edge.access` out, and set `components: { sign-on: true }`',
          },
        ]
      : leftOffOf(project).map(({ why, fix }) => ({ id: 'sign-on.access', status: 'warn' as const, message: why, remedy: fix }));
    if (!signsIn(project) || containers.length === 0) return opened;
    const { readUsers } = await import('./provider.ts');
    const found = await readUsers(project, await context.engine(), containers).catch((error: unknown) => {
      if (error instanceof UserError) return error;
      throw error;
    });
    if (found instanceof UserError) return [...opened, ...userChecks(found)];
    return [...opened, ...userChecks(found.users), ...serverChecks(found, context.clock.now())];
  },
  notes: async ({ project }) => {
    const { leftOffOf, opennessOf } = await import('./provider.ts');
    const { openToAll } = await import('./plan/describe.ts');
    const open = openToAll(opennessOf(project));
    return open ? [open] : leftOffOf(project).map(({ why }) => why);
  },
};
