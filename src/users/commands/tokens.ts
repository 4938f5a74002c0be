import { type Command, done } from '../../capability/capability.ts';
import type { Token } from '../plan/tokens.ts';

const list: Command = {
  name: 'users token list',
  summary: 'API tokens: whom they stand for, where they are good, and until when',
  example: 'medianest users token list',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { listTokens } = await import('../provider.ts');
    const { holderOf } = await import('../plan/tokens.ts');
    const { table } = await import('../../ui/table.ts');
    const tokens = await listTokens(await open(context), await context.engine());
    const rows = tokens.map((token) => [
      token.name,
      holderOf(token),
      token.paths.join(',') || 'all',
      token.ended ? `ended ${token.until}` : token.until,
    ]);
    return done({ tokens }, table([['TOKEN', 'FOR', 'PATHS', 'UNTIL'], ...rows]));
  },
};

const add: Command = {
  name: 'users token add',
  summary: 'Makes an API token and prints it, once: a program sends it as `Authorization: Bearer mn_...`',
  example: 'medianest users token add backup-script --role member --until 2027-06-30 --paths /api/files',
  args: '<name>',
  options: [
    ['--user <name>', 'It stands for this user, with the groups that the user has at the time; never with a second factor'],
    ['--role <list>', 'Roles and groups of its own instead, separated by commas'],
    ['--until <date>', 'The last day on which it is good (UTC), or a time such as 2027-06-30T12:00Z; two years away at most'],
    ['--paths <list>', 'Starts of the only paths that it is good for, separated by commas'],
  ],
  run: async (context, [token = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { changeUsers } = await import('../provider.ts');
    const { holderFrom, holderOf, pathsFrom, untilFrom } = await import('../plan/tokens.ts');
    const asked = {
      command: 'token-add' as const,
      token,
      ...holderFrom(options),
      until: untilFrom(options.until, Date.now()),
      paths: pathsFrom(options.paths),
    };
    const made = await changeUsers<Token & { token: string }>(context, await open(context), asked);
    if (!made) return done({ result: 'planned', ...asked }, `would: users token add ${token}`);
    const what = `${made.name} is good for ${holderOf(made)} until ${made.until}; the token is not shown again:`;
    return done(made, `${what}\n${made.token}`);
  },
};

const remove: Command = {
  name: 'users token remove',
  summary: 'Removes an API token: requests with it are refused within 5 s',
  example: 'medianest users token remove backup-script',
  args: '<name>',
  run: async (context, [token = '']) => {
    const { open } = await import('../../project/open.ts');
    const { changeUsers } = await import('../provider.ts');
    const asked = { command: 'token-remove' as const, token };
    const removed = await changeUsers<{ name: string }>(context, await open(context), asked);
    return removed
      ? done(removed, `${removed.name} was removed`)
      : done({ result: 'planned', ...asked }, `would: users token remove ${token}`);
  },
};

export const tokenCommands: readonly Command[] = [list, add, remove];
