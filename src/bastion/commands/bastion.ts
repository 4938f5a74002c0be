import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, type Context, done, type Result } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { textOf } from '../../core/flags.ts';
import { plural } from '../../core/plural.ts';

/** The text of `--key`: of a file, or of the standard input for `-`. */
async function keyText(file: unknown): Promise<string> {
  if (file === undefined)
    throw new UserError('USAGE', '--key is missing', 'name the file with the public key: --key alice.pub, or - to read it here');
  try {
    return readFileSync(file === '-' ? 0 : String(file), 'utf8');
  } catch (cause) {
    throw new UserError('FILE_UNUSABLE', `--key: ${(cause as Error).message}`, 'name the file with the public key (.pub)', { cause });
  }
}

/** A new second factor, shown once: the link and the picture of it, codes for a lost phone, and how to connect. */
async function showFactor(
  context: Context,
  name: string,
  factor: { secret: string; scratch: string[] },
  { applied, head, more = {} }: { applied: boolean; head: string; more?: object },
): Promise<Result> {
  const { open } = await import('../../project/open.ts');
  const { pictureOf } = await import('../observe.ts');
  const { readHostKey } = await import('../people.ts');
  const { otpauthOf } = await import('../plan/factor.ts');
  const project = await open(context);
  const otpauth = otpauthOf(encodeURIComponent(`${project.loaded.settings.project} bastion`), name, factor.secret);
  const hostKey = readHostKey(project.state).fingerprint;
  const picture = applied && !context.flags.json ? await pictureOf(context, project, name) : undefined;
  const text = [
    head,
    'Shown once: give this to an authenticator app, for codes at each sign-in:',
    `  ${otpauth}`,
    ...(picture ? [picture] : []),
    `Without the phone, each of these is good once: ${factor.scratch.join(' ')}`,
    `The host key to expect: ${hostKey}. How to connect: medianest bastion how TARGET --as ${name}`,
  ];
  return done({ name, otpauth, scratch: factor.scratch, hostKey, applied, ...more }, text.join('\n'), applied ? EXIT.done : EXIT.partial);
}

async function newFactorNow() {
  const { newFactor } = await import('../plan/factor.ts');
  return newFactor(randomBytes);
}

const add: Command = {
  name: 'bastion add',
  summary: 'Lets a person in, with a public key; shows the second factor once (exit 4: kept, and not in force yet)',
  example: 'medianest bastion add alice --key alice.pub --role admin',
  args: '<name>',
  options: [
    ['--key <file>', 'Their public key (.pub), or - for the standard input'],
    ['--role <role>', 'admin or operator (default: operator)'],
    ['--until <date>', 'Last day, such as 2027-01-31 (UTC), or a moment with its zone'],
  ],
  run: async (context, [typed = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { publicKeysIn } = await import('../plan/keys.ts');
    const { nameFrom, roleFrom, untilFrom, withPerson } = await import('../plan/people.ts');
    const { changePeople } = await import('../people.ts');
    const now = context.clock.now();
    const name = nameFrom(typed);
    const role = roleFrom(textOf(options.role));
    const until = untilFrom(textOf(options.until), now);
    const keys = publicKeysIn(await keyText(options.key));
    const factor = await newFactorNow();
    const added = `${now.toISOString().slice(0, 19)}Z`;
    const person = { name, role, added, factor, keys, ...(until !== undefined && { until }) };
    const outcome = await changePeople(context, await open(context), `bastion add ${name}`, (people) => withPerson(people, person));
    if (!outcome) return done({ result: 'planned', name, role }, `would let ${name} in as ${role}`);
    const more = { role, until: until ?? null, keys: keys.map(({ fingerprint }) => fingerprint) };
    const head = `${name} may come in as ${role}${until ? ` until ${until}` : ''}, with ${more.keys.join(', ')}`;
    return showFactor(context, name, factor, { applied: outcome.applied, head, more });
  },
};

const list: Command = {
  name: 'bastion list',
  summary: 'Who may come in, with roles, ends and keys',
  example: 'medianest bastion list',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { readPeople, requireBastion } = await import('../people.ts');
    const { personRows, personView } = await import('../plan/describe.ts');
    const { table } = await import('../../ui/table.ts');
    const project = await open(context);
    requireBastion(project);
    const people = readPeople(project.state);
    const now = context.clock.now();
    const text = people.length > 0 ? table(personRows(people, now)) : 'no one may come in yet: medianest bastion add NAME --key FILE';
    return done({ people: people.map((person) => personView(person, now)) }, text);
  },
};

const remove: Command = {
  name: 'bastion remove',
  summary: 'Lets a person in no more, and ends their sessions (exit 4: kept, and not in force yet)',
  example: 'medianest bastion remove alice',
  args: '<name>',
  run: async (context, [name = '']) => {
    const { open } = await import('../../project/open.ts');
    const { withoutPerson } = await import('../plan/people.ts');
    const { changePeople } = await import('../people.ts');
    const outcome = await changePeople(context, await open(context), `bastion remove ${name}`, (people) => withoutPerson(people, name), {
      removesAccess: true,
    });
    if (!outcome) return done({ result: 'planned', name }, `would remove ${name}`);
    const ended = outcome.ended > 0 ? `; ${plural(outcome.ended, 'session')} ended` : '';
    return done({ name, ...outcome }, `${name} was removed${ended}`, outcome.applied ? EXIT.done : EXIT.partial);
  },
};

const reset: Command = {
  name: 'bastion reset',
  summary: 'For a lost phone: another second factor, shown once; the old one is good no more, and sessions end',
  example: 'medianest bastion reset alice',
  args: '<name>',
  run: async (context, [name = '']) => {
    const { open } = await import('../../project/open.ts');
    const { withFactor } = await import('../plan/people.ts');
    const { changePeople } = await import('../people.ts');
    const factor = await newFactorNow();
    const outcome = await changePeople(
      context,
      await open(context),
      `bastion reset ${name}`,
      (people) => withFactor(people, name, factor),
      {
        removesAccess: true,
      },
    );
    if (!outcome) return done({ result: 'planned', name }, `would give ${name} another second factor`);
    const head = `${name} has another second factor${outcome.ended > 0 ? `; ${plural(outcome.ended, 'session')} ended` : ''}`;
    return showFactor(context, name, factor, { applied: outcome.applied, head, more: { ended: outcome.ended } });
  },
};

const sessions: Command = {
  name: 'bastion sessions',
  summary: 'Who is in, since when, from where, and what they have opened',
  example: 'medianest bastion sessions',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { requireBastion } = await import('../people.ts');
    const { readJournal, readState } = await import('../observe.ts');
    const { liveSessions } = await import('../plan/describe.ts');
    const { toldBy } = await import('../plan/events.ts');
    const { table } = await import('../../ui/table.ts');
    const project = await open(context);
    requireBastion(project);
    const engine = await context.engine();
    const containers = await engine.observe(project.loaded.settings.project);
    const { live } = await readState(engine, containers);
    const found = liveSessions(toldBy(await readJournal(engine, containers)).open, live);
    const rows = found.map(({ name, from, since, targets }) => [name, since ?? '?', from ?? '?', targets.join(' ') || '-']);
    return done({ sessions: found }, found.length > 0 ? table([['NAME', 'SINCE', 'FROM', 'OPENED'], ...rows]) : 'no session');
  },
};

const show: Command = {
  name: 'bastion show',
  summary: 'The host key, as it stands in known_hosts, and what each role may forward to',
  example: 'medianest bastion show',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { readHostKey, requireBastion } = await import('../people.ts');
    const { readForwards, wayOf } = await import('../observe.ts');
    const project = await open(context);
    requireBastion(project);
    const { line, fingerprint } = readHostKey(project.state);
    const { host, port } = wayOf(project, '');
    const roles = readForwards(project) ?? {};
    const text = [
      `Host key: ${fingerprint}`,
      `known_hosts: [${host}]:${port} ${line}`,
      ...Object.entries(roles).map(([role, targets]) => `${role}: ${targets.join(', ')}`),
    ];
    return done({ host, port, hostKey: line, fingerprint, roles }, text.join('\n'));
  },
};

const how: Command = {
  name: 'bastion how',
  summary: 'The ssh command for a target, such as database or grafana',
  example: 'medianest bastion how database --as alice',
  args: '<target>',
  options: [['--as <name>', 'Who connects (default: NAME)']],
  run: async (context, [target = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { didYouMean } = await import('../../core/suggest.ts');
    const { readPeople, requireBastion } = await import('../people.ts');
    const { readForwards, wayOf } = await import('../observe.ts');
    const { sshCommand } = await import('../plan/describe.ts');
    const { personNamed } = await import('../plan/people.ts');
    const project = await open(context);
    requireBastion(project);
    const forwards = readForwards(project);
    if (!forwards) throw new UserError('NOT_RUNNING', 'the bastion was not started yet', 'medianest up');
    const name = textOf(options.as);
    const { role } = name === undefined ? { role: 'admin' as const } : personNamed(readPeople(project.state), name);
    const may = forwards[role] ?? [];
    const found = may.filter((each) => each === target || each.slice(0, each.lastIndexOf(':')) === target);
    if (found.length === 0) {
      const known = [...new Set(may.map((each) => each.slice(0, each.lastIndexOf(':'))))];
      const near = known.length > 0 ? `; ${didYouMean(target, known)}` : '';
      throw new UserError('USAGE', `the role ${role} may not forward to ${JSON.stringify(target)}${near}`, 'medianest bastion show');
    }
    const commands = found.map((each) => sshCommand(each, wayOf(project, name ?? 'NAME')));
    return done({ target, commands }, commands.join('\n'));
  },
};

const audit: Command = {
  name: 'bastion audit',
  summary: 'Note sign-ins, forwards and ends of sessions in the audit log; a job, each minute',
  example: 'medianest bastion audit',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { requireBastion } = await import('../people.ts');
    const { noteSessions } = await import('../note-sessions.ts');
    const project = await open(context);
    requireBastion(project);
    const noted = context.flags.dryRun ? 0 : await noteSessions(context, project);
    if (noted === undefined) return done({ noted: 0 }, 'the bastion is stopped: what waits in its volume is noted once it runs');
    return done({ noted }, noted > 0 ? `${plural(noted, 'event')} noted in the audit log` : 'nothing new to note');
  },
};

export const commands: readonly Command[] = [add, list, remove, reset, sessions, show, how, audit];
