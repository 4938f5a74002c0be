import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { docker } from '../../support/cli.ts';
import { asNobody, folder, json, tree } from '../../support/command.ts';

const AWAY = { DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
const none = async (project: string) =>
  (await docker(['ps', '--all', '--quiet', '--filter', `label=com.docker.compose.project=${project}`])).stdout;

/** A `docker` that stands earlier in PATH; `real` is the one that it hides. */
async function fakeDocker(dir: string, script: (real: string) => string): Promise<Record<string, string>> {
  const real = (process.env.PATH ?? '')
    .split(':')
    .map((entry) => path.join(entry, 'docker'))
    .find((file) => existsSync(file));
  if (!real) throw new Error('no docker client in PATH');
  const bin = path.join(dir, 'bin');
  mkdirSync(bin);
  writeFileSync(path.join(bin, 'docker'), `#!/bin/sh\n${script(real)}\n`);
  chmodSync(path.join(bin, 'docker'), 0o755);
  return { PATH: `${bin}:${process.env.PATH}` };
}

describe('an engine that does not answer', () => {
  it.each([['up'], ['plan'], ['status'], ['health'], ['down'], ['up', '--dry-run'], ['images', 'build']])(
    'is told by %s, as text and as JSON, and nothing is changed',
    async (...args) => {
      const own = folder();
      await own.run(['render']);
      const before = tree(own.state);
      const { status, stdout, stderr } = await own.run(args, { env: AWAY });
      expect([status, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(
        /^Error: the Docker Engine at \/nonexistent\/docker\.sock does not answer \(ENOENT\); nothing was changed\nFix: start it/m,
      );
      const script = /install it: (\S+)/.exec(stderr)?.[1] ?? '';
      expect([path.isAbsolute(script), existsSync(script)]).toEqual([true, true]);
      const asJson = await own.run([...args, '--json', '--quiet'], { env: AWAY });
      expect([asJson.status, asJson.stderr, json(asJson.stdout).error.code]).toEqual([1, '', 'ENGINE_AWAY']);
      expect(tree(own.state)).toEqual(before);
    },
  );
  it.each([
    ['a port where nobody listens', 'tcp://127.0.0.1:9', 'ENGINE_AWAY'],
    ['a host that does not exist', 'tcp://no-such-host.invalid:2375', 'ENGINE_AWAY'],
    ['a way that is not supported', 'ssh://host', 'ENGINE_AWAY'],
  ])('is told where DOCKER_HOST names %s', async (_name, host, code) => {
    const { status, stdout } = await folder().run(['status', '--json'], { env: { DOCKER_HOST: host } });
    expect([status, json(stdout).error.code]).toEqual([1, code]);
  });
  it('does not keep the commands from working that need none', async () => {
    const own = folder();
    for (const args of [
      ['render'],
      ['render', '--check'],
      ['profiles'],
      ['config', 'show'],
      ['config', 'validate'],
      ['secrets', 'list'],
      ['audit'],
    ])
      expect((await own.run(args, { env: AWAY })).status, args.join(' ')).toBe(0);
  });
});

it('a socket without permission is told with the group to join, and nothing is changed', async () => {
  const own = folder();
  chmodSync(own.dir, 0o755);
  const state = path.join(own.dir, 'state');
  mkdirSync(state);
  chmodSync(state, 0o777);
  for (const args of [['status'], ['plan'], ['up']]) {
    const { status, stdout } = await asNobody([...args, '--json', '--state', state], { cwd: own.dir });
    expect([status, json(stdout).error], args[0]).toEqual([
      1,
      expect.objectContaining({
        code: 'ENGINE_PERMISSION',
        message: expect.stringContaining('docker.sock'),
        hint: expect.stringContaining('docker'),
      }),
    ]);
  }
  expect(Object.keys(tree(state)).filter((name) => name !== 'state.json')).toEqual([]);
});

describe('the docker client', () => {
  const project = 'mt-noclient';
  const cases: [string, (dir: string) => Promise<Record<string, string>>, string, RegExp][] = [
    ['is not installed', async () => ({ PATH: '/nonexistent' }), 'COMPOSE_MISSING', /no `docker` in PATH/],
    [
      'has no Compose plugin',
      // The answer of a real client to a plugin that it does not have.
      (dir) => fakeDocker(dir, (real) => `[ "$1" = compose ] && shift && exec ${real} compoze "$@"\nexec ${real} "$@"`),
      'COMPOSE_MISSING',
      /has no Compose plugin/,
    ],
    [
      'has a Compose plugin that is too old',
      (dir) => fakeDocker(dir, (real) => `[ "$1 $2" = "compose version" ] && echo 2.10.0 && exit\nexec ${real} "$@"`),
      'COMPOSE_TOO_OLD',
      /docker compose is 2\.10\.0; medianest needs 2\.24\.0/,
    ],
  ];
  it.each(cases)('that %s is told before anything is written or started', async (_name, environment, code, message) => {
    const own = folder();
    const { status, stdout } = await own.run(['up', '--json', '--project', project], { env: await environment(own.dir) });
    expect([status, json(stdout).error]).toEqual([1, expect.objectContaining({ code, message: expect.stringMatching(message) })]);
    expect(json(stdout).error.message).toContain('nothing was changed');
    expect(Object.keys(tree(own.state)).filter((name) => name.startsWith('current') || name === 'secrets.json')).toEqual([]);
    expect(await none(project)).toBe('');
  });
});

describe('what was never started', () => {
  it.each([
    [['logs'], 1, 'NOT_RUNNING'],
    [['exec', 'redis', 'true'], 1, 'NOT_RUNNING'],
    [['restart'], 1, 'NOT_RUNNING'],
  ] as const)('is told by %j with the command that starts it', async (args, status, code) => {
    const run = await folder().run(['--json', ...args]);
    expect([run.status, json(run.stdout).error]).toEqual([status, expect.objectContaining({ code, hint: 'medianest up' })]);
  });
  it('is stopped, unhealthy, and nothing to take down', async () => {
    const own = folder();
    const status = await own.run(['status', '--json']);
    expect([status.status, json(status.stdout)]).toEqual([
      0,
      expect.objectContaining({ project: 'mt-cli', profile: 'dev', state: 'stopped', services: [], urls: [] }),
    ]);
    expect((await own.run(['health'])).status).toBe(5);
    expect(await own.run(['down'])).toMatchObject({ status: 0, stdout: 'mt-cli is not running\n' });
  });
  it('is all to create in a plan, which ends with 3 and writes nothing', async () => {
    const own = folder();
    const { status, stdout } = await own.run([
      'plan',
      '--json',
      '--profile',
      'dev-compose',
      '--set',
      'edge.httpPort=18471',
      '--set',
      'edge.httpsPort=18472',
    ]);
    const plan = json(stdout) as unknown as {
      profile: string;
      changes: { service: string; action: string; cause: string; downtime: string; dataRisk: string }[];
      files: object[];
    };
    expect([status, plan.profile, plan.changes.map((change) => [change.service, change.action])]).toEqual([
      3,
      'dev-compose',
      [
        ['edge', 'create'],
        ['app-1', 'create'],
        ['postgres', 'create'],
        ['redis', 'create'],
        ['backup', 'create'],
      ],
    ]);
    for (const change of plan.changes) expect(Object.keys(change).sort()).toEqual(['action', 'cause', 'dataRisk', 'downtime', 'service']);
    expect(existsSync(own.state)).toBe(false);
  });
  it('does not lose volumes without three words', async () => {
    const own = folder();
    for (const args of [['--volumes'], ['--volumes', '--yes'], ['--volumes', '--no-backup']]) {
      const { status, stdout } = await own.run(['down', '--json', ...args]);
      const { error } = json(stdout);
      expect([status, error.code], args.join(' ')).toEqual([2, 'CONFIRMATION_NEEDED']);
      // dev makes no backups: a hint that asks for one would lead nowhere.
      expect(error.hint).not.toMatch(/medianest backup/);
      if (!args.includes('--no-backup')) expect(error.hint).toContain('medianest down --volumes --no-backup');
    }
  });
});
