import { describe, expect, it } from 'vitest';
import type { GlobalFlags } from '../../../src/capability/global-flags.ts';
import { SECTIONS } from '../../../src/capability/section.ts';
import { commands, groups, sectionOf } from '../../../src/cli/commands.ts';
import { helpWords } from '../../../src/cli/help.ts';
import { parseCommand } from '../../../src/cli/program.ts';
import { UserError } from '../../../src/core/errors.ts';

const parse = (argv: string[], env: Record<string, string> = {}) => {
  const parsed = parseCommand(argv, env, '1.2.3');
  if (!parsed) throw new Error('help was printed');
  return parsed;
};

describe('a flag and its variable mean the same', () => {
  const cases: [argv: string[], env: Record<string, string>, flags: Partial<GlobalFlags>][] = [
    [['--config', 'x.yml'], { MEDIANEST_CONFIG: 'x.yml' }, { config: 'x.yml' }],
    [['--state', 'dir'], { MEDIANEST_STATE: 'dir' }, { state: 'dir' }],
    [['--without', 'a,b'], { MEDIANEST_WITHOUT: 'a,b' }, { without: 'a,b' }],
    [['--set', 'a=1', '--set', 'b=2'], { MEDIANEST_SET: 'a=1\nb=2' }, { set: ['a=1', 'b=2'] }],
    [['--json'], { MEDIANEST_JSON: '1' }, { json: true }],
    [['--quiet'], { MEDIANEST_QUIET: 'true' }, { quiet: true }],
    [['--verbose'], { MEDIANEST_VERBOSE: '1' }, { verbose: true }],
    [['--yes'], { MEDIANEST_YES: '1' }, { yes: true }],
    [['--dry-run'], { MEDIANEST_DRY_RUN: '1' }, { dryRun: true }],
    [['--no-color'], { MEDIANEST_NO_COLOR: '1' }, { color: false }],
    [['--no-color'], { NO_COLOR: '1' }, { color: false }],
    [['--wait-lock'], { MEDIANEST_WAIT_LOCK: 'true' }, { waitLock: 600 }],
    [['--wait-lock=5'], { MEDIANEST_WAIT_LOCK: '5' }, { waitLock: 5 }],
  ];
  const usual = parse(['status']).flags;
  it.each(cases)('%j', (argv, env, flags) => {
    expect(usual).not.toMatchObject(flags);
    expect(parse(['status', ...argv]).flags).toEqual({ ...usual, ...flags });
    expect(parse([...argv.map((arg) => (arg === '--wait-lock' ? '--wait-lock=600' : arg)), 'status']).flags).toEqual({
      ...usual,
      ...flags,
    });
    expect(parse(['status'], env).flags).toEqual({ ...usual, ...flags });
  });
  it('has a value that the flag wins over, and one that means nothing', () => {
    expect(parse(['status', '--state', 'flag'], { MEDIANEST_STATE: 'variable' }).flags.state).toBe('flag');
    expect(parse(['status'], { MEDIANEST_JSON: '0', MEDIANEST_YES: 'no', MEDIANEST_STATE: '', MEDIANEST_WAIT_LOCK: '' }).flags).toEqual(
      usual,
    );
  });
  it('counts wherever it stands, and several times for --set alone', () => {
    const { flags } = parse(['--set', 'a=1', '--quiet', 'status', '--set', 'b=2', '--json']);
    expect(flags).toMatchObject({ set: ['a=1', 'b=2'], quiet: true, json: true });
  });
});

describe('words after a command', () => {
  it('are its arguments, and an option with a value does not swallow them', () => {
    expect(parse(['logs', '--set', 'a=1', 'app', 'edge'])).toMatchObject({ args: ['app', 'edge'], flags: { set: ['a=1'] } });
  });
  it('belong to the other program after `exec SERVICE`', () => {
    expect(parse(['exec', 'app', 'node', '--version', '--json'])).toMatchObject({
      args: ['app', 'node', '--version', '--json'],
      flags: { json: false },
    });
  });
  it.each([[['nope']], [['up', 'extra']], [['exec']], [['--nope', 'up']], [['config', 'nope']], [['up', '--wait-lock=x']]])(
    'are refused: %j',
    (argv) => {
      expect(() => parse(argv)).toThrow(UserError);
    },
  );
});

describe('help', () => {
  it.each([
    [['help'], []],
    [
      ['help', 'secrets', 'rotate', '--json'],
      ['secrets', 'rotate'],
    ],
    [['--profile', 'prod', 'help', 'up'], ['up']],
    [['--profile=prod', 'help', 'up'], ['up']],
    [['secrets', 'help'], ['secrets']],
    [
      ['secrets', 'help', 'rotate'],
      ['secrets', 'rotate'],
    ],
    [['logs', 'help'], undefined],
    [['exec', 'app', 'help'], undefined],
    [['status', '--help'], undefined],
  ])('%j asks about %j', (argv, words) => {
    expect(helpWords(argv)).toEqual(words);
  });
  it.each([
    [['foo'], 'medianest help foo: there is no such command', 'medianest --help lists'],
    [['stauts'], 'medianest help stauts: there is no such command', 'medianest help status'],
    [['secrets', 'rotat'], 'medianest help secrets rotat: there is no such command', 'medianest help secrets rotate'],
    [['status', 'more'], 'medianest help status more: there is no such command', 'medianest --help lists'],
    [['topic', 'recovry'], 'medianest help topic recovry: there is no such topic', 'medianest help topic recovery'],
    [['topic', 'xyzxyz'], 'medianest help topic xyzxyz: there is no such topic', 'medianest help topic lists'],
  ])('refuses %j', (words, message, hint) => {
    const error = (() => {
      try {
        parseCommand(['help', ...words], {}, '1.2.3');
      } catch (thrown) {
        return thrown as UserError;
      }
    })();
    expect(error).toMatchObject({ code: 'USAGE', exitStatus: 2, message, hint: expect.stringContaining(hint) });
  });
  it('has a section for every command, and a sentence for every group', () => {
    for (const { name } of commands) expect(SECTIONS).toContain(sectionOf(name.split(' ')[0] as string));
    const shared = new Set(commands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0] as string] : [])));
    const alone = [...shared].filter((word) => !commands.some(({ name }) => name === word));
    expect(Object.keys(groups).sort()).toEqual(alone.sort());
    for (const { summary } of Object.values(groups)) expect(summary).toMatch(/^[A-Z].{15,90}[^.]$/);
  });
});

describe('the commands', () => {
  it('have names, summaries and examples that are fit to be shown', () => {
    expect(new Set(commands.map((command) => command.name)).size).toBe(commands.length);
    for (const { name, summary, example } of commands) {
      expect(example).toMatch(new RegExp(`^medianest ${name}( |$)`));
      expect([summary.length < 130, /^[A-Z]/.test(summary), summary.endsWith('.')]).toEqual([true, true, false]);
    }
  });
  it.each(commands.map((command) => [command.name, command.example]))('%s takes the example that its help shows', (name, example) => {
    const words = [...example.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, plain]) => double ?? single ?? plain ?? '');
    expect(parse(words.slice(1)).command.name).toBe(name);
  });
});
