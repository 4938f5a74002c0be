import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { durationOf } from '../../core/time.ts';
import { enforce } from './enforce.ts';

const MOST_SECONDS = 365 * 86_400;

const list: Command = {
  name: 'bans list',
  summary: 'Who is banned, why, and until when',
  example: 'medianest bans list',
  run: async (context) => {
    const { open } = await import('../../project/open.ts');
    const { listBans } = await import('../provider.ts');
    const { table } = await import('../../ui/table.ts');
    const bans = await listBans(context, await open(context));
    // The central list has tens of thousands.
    const own = bans.filter(({ by }) => by !== 'the central list');
    const rows = own.map(({ address, until, by, reason }) => [address, until, by, reason]);
    const lines = [
      rows.length > 0 ? table([['ADDRESS', 'UNTIL', 'BY', 'REASON'], ...rows]) : 'no client is banned',
      ...(bans.length > own.length ? [`and ${bans.length - own.length} of the central list (--json names them)`] : []),
    ];
    return done({ bans }, lines.join('\n'));
  },
};

const add: Command = {
  name: 'bans add',
  summary: 'Bans an address or range at the edge; of IPv6, the /64 of an address',
  example: 'medianest bans add 203.0.113.7 --for 4h --reason scrapes',
  args: '<address>',
  options: [
    ['--for <duration>', 'How long: 30m, 4h, 7d (bans.hours otherwise)'],
    ['--reason <text>', 'Why, for `bans list` and `bans why`'],
    ['--force', 'Also an address that is never banned otherwise'],
  ],
  run: async (context, [typed = ''], options) => {
    const { open } = await import('../../project/open.ts');
    const { bansSettingsOf, changeBans, neverOf } = await import('../provider.ts');
    const { addArgv, reasonOf } = await import('../plan/decisions.ts');
    const { protectedBy, targetOf } = await import('../plan/targets.ts');
    const project = await open(context);
    const target = targetOf(typed);
    const seconds = options.for === undefined ? bansSettingsOf(project).hours * 3600 : durationOf('--for', String(options.for));
    if (seconds < 1 || seconds > MOST_SECONDS)
      throw new UserError('USAGE', '--for: should be from a second to 365 days', 'for example --for 4h');
    const forced = options.force === true;
    const reason = reasonOf(options.reason, forced);
    const kept = forced ? undefined : protectedBy(target, await neverOf(context, project));
    if (kept)
      throw new UserError(
        'CONFIRMATION_NEEDED',
        `${target.text} is never banned: ${kept.because}, as ${kept.range}; nothing was changed`,
        'run the same command with --force, or change that setting',
      );
    const until = new Date(context.clock.now().getTime() + seconds * 1000).toISOString();
    const changed = await changeBans(context, project, `bans add ${target.text}`, async (ask) => {
      await ask(addArgv(target, seconds, reason));
    });
    const data = { result: changed ? 'changed' : 'planned', address: target.text, until, reason };
    return done(data, changed ? `${target.text} is banned until ${until}` : `would ban ${target.text} until ${until}`);
  },
};

const remove: Command = {
  name: 'bans remove',
  summary: 'Ends the bans of an address or range',
  example: 'medianest bans remove 203.0.113.7',
  args: '<address>',
  run: async (context, [typed = '']) => {
    const { open } = await import('../../project/open.ts');
    const { removeBans } = await import('../provider.ts');
    const { targetOf } = await import('../plan/targets.ts');
    const target = targetOf(typed);
    const { done: changed, removed, remaining } = await removeBans(context, await open(context), target);
    const data = { result: changed ? 'changed' : 'planned', address: target.text, removed, remaining };
    if (!changed) return done(data, `would end the bans of ${target.text}`);
    const wider = [...new Set(remaining.map(({ address }) => address))];
    if (wider.length === 0) return done(data, `${target.text} is no longer banned (within 10 s)`);
    return done(data, `${target.text} is still banned, as part of ${wider.join(', ')}: medianest bans remove ${wider[0]}`);
  },
};

const why: Command = {
  name: 'bans why',
  summary: 'Why an address is banned, with what it did; or why it never is',
  example: 'medianest bans why 203.0.113.7',
  args: '<address>',
  run: async (context, [typed = '']) => {
    const { open } = await import('../../project/open.ts');
    const { aboutAddress, neverOf } = await import('../provider.ts');
    const { targetOf } = await import('../plan/targets.ts');
    const { protectedBy } = await import('../plan/targets.ts');
    const { describeWhy } = await import('../plan/describe.ts');
    const project = await open(context);
    const target = targetOf(typed);
    const bans = await aboutAddress(context, project, target);
    const never = protectedBy(target, await neverOf(context, project)) ?? null;
    return done({ address: target.text, bans, never }, describeWhy(target.text, bans, never));
  },
};

export const commands: readonly Command[] = [list, add, remove, why, enforce];
