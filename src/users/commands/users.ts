import { type Command, type Context, done, type Options, type Result } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Invitation, Mailed, Request } from '../plan/requests.ts';

const HOURS = ['--hours <n>', 'Hours for which the link is good (signOn.invitationHours otherwise)'] as const;
const MAIL = ['--mail', 'Mails the link to the user (signOn.mail), and does not print it'] as const;
const ABOUT = [
  ['--groups <list>', 'Roles and groups, separated by commas: admin, operator, member, guest, or your own; `member` if none are given'],
  ['--name <text>', 'Name as others see it'],
  ['--email <address>', 'E-mail address, which applications are told'],
] as const;

/** Changes something and tells of it, with the link where there is one. */
async function change<T extends object>(
  context: Context,
  request: (otherwise: number) => Promise<Request>,
  tell: (answer: T) => string,
): Promise<Result> {
  const { open } = await import('../../project/open.ts');
  const { changeUsers, invitationLink, signOnSettingsOf } = await import('../provider.ts');
  const project = await open(context);
  const asked = await request(signOnSettingsOf(project).invitationHours);
  const answer = await changeUsers<T & Partial<Invitation> & Mailed>(context, project, asked);
  if (!answer) return done({ result: 'planned', ...asked }, `would: users ${asked.command} ${asked.login ?? ''}`.trimEnd());
  const { token, ...rest } = answer;
  if (answer.mailed)
    return done(rest, `${tell(answer)}\nthe link was mailed to ${answer.mailed}; it is good once, until ${answer.expires}`);
  if (token === undefined) return done(rest, tell(answer));
  if (answer.mailProblem) context.report.warn(`the link was not mailed: ${answer.mailProblem}`);
  const link = invitationLink(project, { token });
  return done({ ...rest, link }, `${tell(answer)}\n${link}\ngood once, until ${answer.expires}`);
}

async function about(login: string, options: Options): Promise<Pick<Request, 'login' | 'name' | 'email' | 'groups'>> {
  const { groupsFrom } = await import('../plan/requests.ts');
  return {
    login,
    groups: groupsFrom(options.groups, '--groups'),
    ...(options.name !== undefined && { name: String(options.name) }),
    ...(options.email !== undefined && { email: String(options.email) }),
  };
}

const mailed = (options: Options): Pick<Request, 'mail'> => (options.mail === true ? { mail: true } : {});

const ended = (count: number): string => (count === 0 ? '' : `; ${count} session${count === 1 ? '' : 's'} ended`);

const list: Command = {
  name: 'users list',
  summary: 'Who may sign in, with groups, second factors and sessions',
  example: 'medianest users list',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { listUsers } = await import('../provider.ts');
    const { stateOf } = await import('../plan/describe.ts');
    const { table } = await import('../../ui/table.ts');
    const users = await listUsers(await open(context), await context.engine());
    const rows = users.map((user) => [
      user.login,
      user.groups.join(',') || '-',
      user.factors.join(',') || '-',
      String(user.sessions),
      stateOf(user),
      user.name,
    ]);
    const head = ['USER', 'GROUPS', 'FACTORS', 'SESSIONS', 'STATE', 'NAME'];
    return done({ users }, rows.length > 0 ? table([head, ...rows]) : 'no users: medianest users invite NAME');
  },
};

const add: Command = {
  name: 'users add',
  summary: 'Adds a user who cannot sign in yet; `users invite` makes the link for that',
  example: 'medianest users add alice --groups member,family',
  args: '<user>',
  options: ABOUT,
  run: (context, [login = ''], options) =>
    change(
      context,
      async () => ({ command: 'add', ...(await about(login, options)) }),
      () => `${login} was added`,
    ),
};

const invite: Command = {
  name: 'users invite',
  summary: 'Makes a link that is good once: the person who opens it sets the user’s password. A new user is added',
  example: 'medianest users invite alice --groups operator',
  args: '<user>',
  options: [...ABOUT, HOURS, MAIL],
  run: (context, [login = ''], options) =>
    change<{ added: boolean }>(
      context,
      async (otherwise) => {
        const { hoursFrom } = await import('../plan/requests.ts');
        return { command: 'invite', ...(await about(login, options)), hours: hoursFrom(options.hours, otherwise), ...mailed(options) };
      },
      ({ added }) => (added ? `${login} was added, and sets a password by this link:` : `${login} sets a password by this link:`),
    ),
};

const set: Command = {
  name: 'users set',
  summary: 'Changes a user’s displayed name or e-mail address; sessions begin again',
  example: 'medianest users set alice --email alice@example.org',
  args: '<user>',
  options: [ABOUT[1], ABOUT[2]],
  run: (context, [login = ''], options) =>
    change<{ name: string; email: string; ended: number }>(
      context,
      async () => {
        const { groups: _groups, ...rest } = await about(login, options);
        if (rest.name !== undefined || rest.email !== undefined) return { command: 'set', ...rest };
        throw new UserError(
          'USAGE',
          'users set changes a name or an address: give --name or --email',
          'for example --email alice@example.org',
        );
      },
      (answer) => `${login} is ${answer.name}, ${answer.email || 'without an e-mail address'}${ended(answer.ended)}`,
    ),
};

const mailTest: Command = {
  name: 'users mail-test',
  summary: 'Sends a test by the mail server of sign-on (signOn.mail)',
  example: 'medianest users mail-test alice@example.org',
  args: '<address>',
  run: async (context, [email = '']) => {
    const { open } = await import('../../project/open.ts');
    const { testMail } = await import('../provider.ts');
    const project = await open(context);
    if (context.flags.dryRun) return done({ result: 'planned', email }, `would: mail a test to ${email}`);
    const answer = await testMail(project, await context.engine(), email);
    return done(answer, `the mail server has taken a test for ${answer.mailed}`);
  },
};

const remove: Command = {
  name: 'users remove',
  summary: 'Removes a user, and ends all sessions of it',
  example: 'medianest users remove alice',
  args: '<user>',
  run: (context, [login = '']) =>
    change<{ ended: number }>(
      context,
      async () => ({ command: 'remove', login }),
      (answer) => `${login} was removed${ended(answer.ended)}`,
    ),
};

const reset: Command = {
  name: 'users reset',
  summary: 'For a lost password or second factor: removes both, ends all sessions, and makes a link for a new password',
  example: 'medianest users reset alice --factors-only',
  args: '<user>',
  options: [['--factors-only', 'Keeps the password: a second factor is set up at the next sign-in'], HOURS, MAIL],
  run: (context, [login = ''], options) =>
    change<{ ended: number }>(
      context,
      async (otherwise) => {
        const { hoursFrom } = await import('../plan/requests.ts');
        const factorsOnly = options.factorsOnly === true;
        return { command: 'reset', login, factorsOnly, hours: hoursFrom(options.hours, otherwise), ...mailed(options) };
      },
      (answer) => `${login} has no second factor any more${ended(answer.ended)}; API tokens stay as they are (medianest users token list)`,
    ),
};

const groups: Command = {
  name: 'users groups',
  summary: 'Gives a user roles and groups, or takes them; sessions begin again with the new rights',
  example: 'medianest users groups alice --add operator --remove guest',
  args: '<user>',
  options: [
    ['--add <list>', 'Roles and groups to give, separated by commas'],
    ['--remove <list>', 'Roles and groups to take'],
  ],
  run: (context, [login = ''], options) =>
    change<{ groups: string[]; ended: number }>(
      context,
      async () => {
        const { groupsFrom } = await import('../plan/requests.ts');
        return { command: 'groups', login, add: groupsFrom(options.add, '--add'), remove: groupsFrom(options.remove, '--remove') };
      },
      (answer) => `${login} is in ${answer.groups.join(', ') || 'no group'}${ended(answer.ended)}`,
    ),
};

export const commands: readonly Command[] = [list, add, invite, set, remove, reset, groups, mailTest];
