import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/capability/capability.ts';
import { commands } from '../../../src/cli/commands.ts';
import { complete, FILES } from '../../../src/cli/complete.ts';
import { GLOBAL } from '../../../src/cli/global-options.ts';
import { topics } from '../../../src/cli/help-topics.ts';

const saved: Record<string, string[]> = {
  service: ['app-1', 'edge'],
  services: ['app-1', 'edge'],
  profile: ['dev', 'prod'],
  release: ['r1', 'r2'],
  backup: ['20260101F'],
  set: ['latest', '20260101F'],
  moment: ['newest'],
  topic: topics.map(({ name }) => name),
};
const names = (words: string[], list: readonly Command[] = commands) =>
  complete(words, list, GLOBAL, (placeholder) =>
    placeholder === 'file' ? [FILES] : (saved[placeholder] ?? []).map((value) => ({ value, description: '' })),
  ).map(({ value }) => value);

describe('completion', () => {
  const cases: [words: string[], expected: string[]][] = [
    [['do'], ['down', 'doctor']],
    [
      ['config', 's'],
      ['show', 'schema'],
    ],
    [['con'], ['config']],
    [['--profile', 'prod', 'rel'], ['releases']],
    [['--profile', 'p'], ['prod']],
    [
      ['up', '--profile', ''],
      ['dev', 'prod'],
    ],
    [['up', '--profile=p'], ['--profile=prod']],
    [['logs', 'e'], ['edge']],
    [
      ['logs', 'edge', ''],
      ['app-1', 'edge'],
    ],
    [['logs', '--tail', '5', 'a'], ['app-1']],
    [['logs', '-n', '5', 'a'], ['app-1']],
    [['logs', '--fo'], ['--follow']],
    [
      ['rollback', ''],
      ['r1', 'r2'],
    ],
    [['rollback', 'r1', ''], []],
    [['restore', '2'], ['20260101F']],
    [
      ['restore', ''],
      ['latest', '20260101F'],
    ],
    [['restore', '--to', 'n'], ['newest']],
    [['backup', 'verify', ''], ['20260101F']],
    [
      ['exec', ''],
      ['app-1', 'edge'],
    ],
    [['exec', 'edge', 'l'], [':files']],
    [['topology', '--format', 's'], ['svg']],
    [['config', 'schema', '--out', ''], [':files']],
    [['up', '--wait-lock', '--dry'], ['--dry-run']],
    [
      ['completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
    [['help', 'rec'], ['recovery']],
    [['help', 'secr'], ['secrets']],
    [
      ['help', 'secrets', 'r'],
      ['rotate', 'recover'],
    ],
    [['help', 'topic', 'sec'], ['secrets']],
    [['help', 'topic', 'secrets', ''], []],
    [['nonsense', ''], []],
    [['up', '--nonsense', ''], []],
  ];
  it.each(cases)('%j', (words, expected) => {
    expect(names(words)).toEqual(expected);
  });
  it('offers every command and option as it describes itself', () => {
    expect(new Set(names(['']))).toEqual(new Set([...commands.map(({ name }) => name.split(' ')[0]), 'help']));
    for (const { name, options = [] } of commands) {
      const offered = names([...name.split(' '), '--']);
      for (const [flags] of [...options, ...GLOBAL]) expect(offered).toContain(/--[\w-]+/.exec(flags)?.[0]);
    }
  });
  it('knows a command of tomorrow by the names of its arguments', () => {
    const inspect: Command = {
      name: 'inspect',
      summary: 'x',
      example: 'x',
      args: '[backup]',
      options: [['--to <time>', 'x']],
      run: async () => ({ data: {}, text: '', status: 0 }),
    };
    expect(names(['inspect', '2'], [...commands, inspect])).toEqual(['20260101F']);
  });
});
