import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.ts';
import { dockerCli, runProgram } from '../../../src/docker/compose.ts';
import { commandText, traceEngine, tracePrograms } from '../../../src/docker/trace.ts';
import type { Engine } from '../../../src/docker/types.ts';

describe('a program as --verbose shows it', () => {
  it('is what a shell would take', () => {
    expect(commandText('docker', ['run', '--rm', 'a b', "it's", '{{.Image}}'])).toBe(`docker run --rm 'a b' 'it'\\''s' '{{.Image}}'`);
  });

  it.each([
    ['a variable', ['run', '--env', 'X=s3cret value', 'image'], "docker run --env 'X=[redacted]' image"],
    ['a variable, but not that one is empty', ['run', '--env', 'X=', '--env', 'Y=s3cret'], "docker run --env X= --env 'Y=[redacted]'"],
    ['a variable in one word', ['run', '--env=X=s3cret'], "docker run '--env=X=[redacted]'"],
    ['a variable, briefly', ['exec', '-e', 'X=s3cret', 'app'], "docker exec -e 'X=[redacted]' app"],
    ['a build argument', ['build', '--build-arg', 'HTTP_PROXY=http://u:s3cret@proxy'], "docker build --build-arg 'HTTP_PROXY=[redacted]'"],
    ['an address', ['pull', 'https://user:s3cret@registry.example/x'], "docker pull 'https://[redacted]@registry.example/x'"],
    ['an option', ['x', '--password', 's3cret', 'y'], 'docker x --password [redacted] y'],
    ['an option in one word', ['x', '--repo1-cipher-pass=s3cret'], "docker x '--repo1-cipher-pass=[redacted]'"],
    ['a connection string', ['psql', 'host=db password=s3cret dbname=x'], "docker psql 'host=db password=[redacted] dbname=x'"],
    ['SQL', ['psql', '-c', "alter role x password 's3 cret'"], "docker psql -c 'alter role x password [redacted]'"],
  ])('without the secret of %s', (_what, args, text) => {
    expect(commandText('docker', args)).toBe(text);
    expect(text).not.toContain('s3');
  });

  it('with files and folders that are named after secrets', () => {
    const args = ['run', '--mount', 'type=bind,source=/srv/.medianest/secrets/app,target=/run/secrets', '--password-file=/run/x'];
    expect(commandText('docker', args)).toContain('source=/srv/.medianest/secrets/app,target=/run/secrets');
    expect(commandText('docker', args)).toContain('--password-file=/run/x');
  });
});

describe('what is told of programs', () => {
  it('is the argument list, the exit status and the time, but neither input nor environment', async () => {
    const lines: string[] = [];
    const stop = tracePrograms((line) => lines.push(line));
    const none = path.join(mkdtempSync(path.join(os.tmpdir(), 'medianest-trace-')), 'none');
    try {
      await runProgram('sh', ['-c', 'cat >/dev/null; exit 3', 'a word'], { input: 's3cret', env: { TOKEN: 's3cret' } });
      await runProgram(none, []).catch(() => undefined);
      await dockerCli.attach(['--version'], new AbortController().signal);
    } finally {
      stop();
      rmSync(path.dirname(none), { recursive: true });
    }
    await runProgram('true', []);
    expect(lines).toEqual([
      expect.stringMatching(/^sh -c 'cat >\/dev\/null; exit 3' 'a word': status 3 after [\d.]+ m?s$/),
      expect.stringMatching(new RegExp(`^${none}: no status after [\\d.]+ m?s$`)),
      expect.stringMatching(/^docker --version: status 0 after [\d.]+ m?s$/),
    ]);
  });
});

describe('what is told of engine calls', () => {
  const id = '3f2a9c1b7d04'.padEnd(64, '0');
  const engine = {
    observe: async () => [],
    exec: async () => ({ exitCode: 0, output: '' }),
    info: async () => {
      throw new UserError('ENGINE_AWAY', 'it does not answer', 'start it');
    },
  } as Partial<Engine> as Engine;

  it('is the method, its words and the time, and the result stays as it is', async () => {
    const lines: string[] = [];
    const traced = traceEngine(engine, (line) => lines.push(line));
    expect(await traced.observe('mine')).toEqual([]);
    expect(await traced.exec(id, ['clusterctl', 'status'])).toEqual({ exitCode: 0, output: '' });
    await expect(traced.info()).rejects.toMatchObject({ code: 'ENGINE_AWAY' });
    expect(lines).toEqual([
      expect.stringMatching(/^engine observe mine: \d+ ms$/),
      expect.stringMatching(/^engine exec 3f2a9c1b7d04 clusterctl status: \d+ ms$/),
      expect.stringMatching(/^engine info: ENGINE_AWAY after \d+ ms$/),
    ]);
  });
});
