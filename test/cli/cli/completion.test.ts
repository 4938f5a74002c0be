import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { medianest, PROGRAM, run } from '../../support/cli.ts';
import { folder } from '../../support/command.ts';
import { atMost, seconds } from '../../support/pace.ts';

const own = folder('profile: dev-compose\n');
const bin = path.join(own.dir, 'bin with a space');
const env = { PATH: `${bin}:${process.env.PATH}`, TERM: 'xterm' };

beforeAll(async () => {
  mkdirSync(bin);
  symlinkSync(PROGRAM, path.join(bin, 'medianest'));
  mkdirSync(path.join(own.dir, 'profiles'));
  writeFileSync(path.join(own.dir, 'profiles/mine.yml'), 'extends: dev\ndescription: mine\n');
  expect((await own.run(['render'])).status).toBe(0);
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(path.join(own.dir, `completion.${shell}`), (await medianest(['completion', shell])).stdout);
});

/** Asks the shell itself what it would offer behind these words. */
const SHELLS: Record<string, (words: string[]) => Promise<string[]>> = {
  bash: async (words) => {
    const script = 'source ./completion.bash; COMP_WORDS=(medianest "$@"); COMP_CWORD=$#; _medianest; printf "%s\\n" "${COMPREPLY[@]}"';
    return (await run('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: own.dir, env })).stdout.split('\n').filter(Boolean);
  },
  fish: async (words) => {
    const line = ['medianest', ...words].join(' ');
    const { stdout } = await run('fish', ['--no-config', '--command', `source ./completion.fish; complete -C '${line}'`], {
      cwd: own.dir,
      env: { ...env, HOME: own.dir },
    });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((entry) => entry.split('\t')[0] as string);
  },
  // An interactive shell in a pseudo-terminal of zsh's own, whose list of matches is read back.
  zsh: async (words) => {
    const script = [
      'zmodload zsh/zpty',
      'zpty shell zsh -f -i',
      'zpty -w shell \'PS1=; unsetopt zle_bracketed_paste; autoload -Uz compinit; compinit -u -d ./dump; source ./completion.zsh; compadd() { builtin compadd -O found "$@"; print -rl -- MATCH:$^found }; bindkey "^I" complete-word; print READY\'',
      'zpty -m shell "*READY*READY*"',
      `zpty -w -n shell ${JSON.stringify(`medianest ${words.join(' ')}`)}$'\\t'`,
      'for round in {1..80}; do while zpty -r -t shell more; do output+=$more; done; [[ $output == *MATCH:[a-z]* ]] && break; sleep 0.25; done',
      'sleep 0.3; while zpty -r -t shell more; do output+=$more; done; print -r -- "$output"; zpty -d shell',
    ].join('\n');
    const { stdout } = await run('zsh', ['-f', '-c', script], { cwd: own.dir, env });
    // The list is drawn again, and the command that defines it is echoed.
    return [...new Set([...stdout.matchAll(/MATCH:([^\s\r$]+)/g)].map((match) => match[1] as string))];
  },
};

describe.each(Object.keys(SHELLS))('completion in %s', (shell) => {
  const ask = SHELLS[shell] as (words: string[]) => Promise<string[]>;
  it('offers commands, profiles of one’s own, services and settings', async () => {
    expect(await ask(['rel'])).toEqual(['releases']);
    expect(await ask(['--profile', 'm'])).toEqual(['mine']);
    expect(await ask(['logs', 'post'])).toEqual(['postgres']);
    expect(await ask(['--set', 'edge.httpsP'])).toEqual(['edge.httpsPort=']);
  });
});

it('answers in less than 150 ms, and without an answer where nothing is known', async () => {
  const times = [];
  for (let round = 0; round < 5; round++) times.push(await seconds(() => own.run(['__complete', 'logs', ''])));
  expect(Math.min(...times)).toBeLessThan(await atMost(0.15));
  expect((await own.run(['__complete', 'logs', ''])).stdout).toContain('postgres');
  for (const words of [[], ['logs', ''], ['--state', '/nowhere', 'logs', ''], ['--config'], ['\0']])
    expect(
      (await run(process.execPath, [PROGRAM, '__complete', ...words.map((word) => word.replace('\0', '\u0001'))], { cwd: '/' })).status,
    ).toBe(0);
});

it('refuses a shell that it does not know', async () => {
  const { status, stderr } = await medianest(['completion', 'csh']);
  expect([status, stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish')]);
});

it('tells versions, also of what it runs on, and explains topics', async () => {
  const { stdout } = await medianest(['version', '--json']);
  expect(JSON.parse(stdout)).toMatchObject({
    medianest: expect.stringMatching(/^\d+\./),
    settings: 3,
    state: 1,
    engine: expect.stringMatching(/^\d+\./),
    compose: expect.stringMatching(/^\d+\./),
  });
  const away = JSON.parse((await medianest(['version', '--json'], { env: { DOCKER_HOST: 'unix:///nowhere.sock' } })).stdout);
  expect(away.engine).toBeNull();
  expect((await medianest(['help', 'recovery'])).stdout).toContain('docs/recovery.md');
  expect((await medianest(['help', 'logs'])).stdout).toContain('--follow');
  expect((await medianest(['--help'])).stdout).toContain('recovery');
});
