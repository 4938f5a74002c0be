import { type Command, type Context, done, type Options, type Result } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';
import type { Token } from '../plan/tokens.ts';

const HINT = 'medianest users token list, add NAME or remove NAME';

async function list(context: Context): Promise<Result> {
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
  const text = rows.length > 0 ? table([['TOKEN', 'FOR', 'PATHS', 'UNTIL'], ...rows]) : 'no tokens: medianest users token add NAME';
  return done({ tokens }, text);
}

async function add(context: Context, token: string, options: Options): Promise<Result> {
  const { open } = await import('../../project/open.ts');
  const { changeUsers } = await import('../provider.ts');
  const { holderFrom, holderOf, pathsFrom, untilFrom } = await import('../plan/tokens.ts');
  const asked = {
    command: 'token-add' as const,
    token,
    ...holderFrom(textOf(options.user), textOf(options.role)),
    until: untilFrom(textOf(options.until), context.clock.now()),
    paths: pathsFrom(options.paths),
  };
  const made = await changeUsers<Token & { token: string }>(context, await open(context), asked);
  if (!made) return done({ result: 'planned', ...asked }, `would: users token add ${token}`);
  return done(made, `${made.name} is good for ${holderOf(made)} until ${made.until}; this is not shown again:\n${made.token}`);
}

async function remove(context: Context, token: string): Promise<Result> {
  const { open } = await import('../../project/open.ts');
  const { changeUsers } = await import('../provider.ts');
  const asked = { command: 'token-remove' as const, token };
  const removed = await changeUsers<{ name: string }>(context, await open(context), asked);
  return removed
    ? done(removed, `${removed.name} was removed`)
    : done({ result: 'planned', ...asked }, `would: users token remove ${token}`);
}

export const usersToken: Command = {
  name: 'users token',
  summary: 'API tokens (list, add, remove): a program sends one as `Authorization: Bearer mn_...`; it is printed once',
  example: 'medianest users token add sync --role member --until 2027-06-30',
  args: '<action> [name]',
  options: [
    ['--user <name>', 'add: it stands for this user, with the groups that the user has at the time, and never with a second factor'],
    ['--role <list>', 'add: roles and groups of its own instead, separated by commas'],
    ['--until <date>', 'add: the last day on which it is good (UTC), or a time such as 2027-06-30T12:00Z; two years away at most'],
    ['--paths <list>', 'add: starts of the only paths that it is good for, separated by commas'],
  ],
  run: async (context, [action, name], options) => {
    if (action === 'list' && name === undefined) return list(context);
    if (action === 'add' && name) return add(context, name, options);
    if (action === 'remove' && name) return remove(context, name);
    throw new UserError('USAGE', `users token ${[action, name].filter(Boolean).join(' ')}: should be list, add NAME or remove NAME`, HINT);
  },
};
