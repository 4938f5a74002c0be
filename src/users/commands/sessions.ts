import { type Command, done } from '../../capability/capability.ts';

/** Which sessions a user has, and the end of one. */
export const usersSessions: Command = {
  name: 'users sessions',
  summary: 'The sessions of a user: since when, from which addresses, in which browser; --end signs one out',
  example: 'medianest users sessions alice',
  args: '<user>',
  options: [['--end <session>', 'Ends this one: the name in its first column']],
  run: async (context, [login = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { changeUsers, listSessions } = await import('../provider.ts');
    const project = await open(context);
    if (options.end !== undefined) {
      const asked = { command: 'session-end' as const, login, session: String(options.end) };
      const ended = await changeUsers<{ login: string; ended: number }>(context, project, asked);
      return ended
        ? done(ended, `the session ${asked.session} of ${login} has ended`)
        : done({ result: 'planned', ...asked }, `would: end the session ${asked.session} of ${login}`);
    }
    const { HEAD, rowOf } = await import('../plan/sessions.ts');
    const { table } = await import('../../ui/table.ts');
    const sessions = await listSessions(project, await context.engine(), login);
    return done({ sessions }, sessions.length === 0 ? `${login} is not signed in` : table([HEAD, ...sessions.map(rowOf)]));
  },
};
