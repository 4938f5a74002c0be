import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { dockerCli, withoutProxies } from '../../../src/docker/compose.ts';
import { HOME } from '../../support/cli.ts';

const NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'];
const EMPTY = NAMES.flatMap((name) => [name, name.toLowerCase()]).flatMap((name) => ['--env', `${name}=`]);

let bin: string;
const before = process.env.PATH;
beforeAll(() => {
  bin = mkdtempSync(path.join(os.tmpdir(), 'medianest-docker-'));
  writeFileSync(path.join(bin, 'docker'), '#!/bin/sh\nprintf "%s\\n" "$@"\n');
  chmodSync(path.join(bin, 'docker'), 0o755);
  process.env.PATH = `${bin}:${before}`;
});
afterAll(() => {
  process.env.PATH = before;
  rmSync(bin, { recursive: true });
});

it('gives a container of `docker run` empty proxy variables, before its own, in both spellings', async () => {
  const { stdout } = await dockerCli.run(['run', '--rm', '--env', 'A=b', 'image', 'run']);
  expect(stdout.trim().split('\n')).toEqual(['run', ...EMPTY, '--rm', '--env', 'A=b', 'image', 'run']);
});

it('leaves them to a container that talks to addresses outside alone', async () => {
  const { stdout } = await dockerCli.run(['run', '--rm', 'image'], { proxies: true });
  expect(stdout.trim().split('\n')).toEqual(['run', '--rm', 'image']);
});

it.each([['build'], ['compose'], ['exec'], ['pull']])('leaves `docker %s` as it is', (command) => {
  expect(withoutProxies([command, 'run', 'x'])).toEqual([command, 'run', 'x']);
});

it('is in the way of every start of the client', () => {
  const starts = (readdirSync(path.join(HOME, 'src'), { recursive: true }) as string[])
    .filter(
      (file) =>
        file.endsWith('.ts') &&
        /\b(spawn|spawnSync|execa|runProgram|execFile|execFileSync)\('docker'/.test(readFileSync(path.join(HOME, 'src', file), 'utf8')),
    )
    .sort();
  expect(starts).toEqual([
    'backup/repository/stream-job.ts',
    'docker/compose.ts',
    'docker/forward.ts',
    'docker/pipe.ts',
    'docker/stream.ts',
  ]);
  for (const file of starts) expect(readFileSync(path.join(HOME, 'src', file), 'utf8')).toContain('withoutProxies(');
});
