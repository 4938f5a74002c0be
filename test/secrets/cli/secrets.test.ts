import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { folder, json, tree } from '../../support/command.ts';

const MARKERS = { given: 'planted-given-4711', variable: 'planted-variable-4711', file: 'planted-file-4711' };
const SETTINGS = `postgres: { password: ${MARKERS.given} }
redis: { password: "\${REDIS_PW}" }
external:
  plex: { url: "http://192.168.1.20:32400", token: "file:token" }
`;
const COMPOSE = ['--profile', 'dev-compose'];

function planted() {
  const own = folder(SETTINGS);
  writeFileSync(path.join(own.dir, 'token'), `${MARKERS.file}\n`, { mode: 0o600 });
  const run = (args: string[]) => own.run([...args, ...COMPOSE], { env: { REDIS_PW: MARKERS.variable, MEDIANEST_DEBUG: '1' } });
  return { own, run };
}

it('are on no stream of any command, whatever is asked for', async () => {
  const { run } = planted();
  for (const args of [
    ['render'],
    ['render', '--check'],
    ['render', '--dry-run'],
    ['config', 'show'],
    ['config', 'validate'],
    ['secrets', 'list'],
    ['audit'],
    ['status'],
    ['plan'],
    ['up', '--dry-run'],
    ['render', '--set', 'edge.httpPort=none'],
  ]) {
    for (const more of [['--verbose'], ['--json'], []]) {
      const { stdout, stderr } = await run([...args, ...more]);
      expect(stdout + stderr, args.join(' ')).not.toBe('');
      for (const marker of Object.values(MARKERS)) expect(stdout + stderr, args.join(' ')).not.toContain(marker);
    }
  }
}, 120_000);

it('stand in one file of the state folder, which its owner alone may read', async () => {
  const { own, run } = planted();
  expect((await run(['render'])).status).toBe(0);
  const files = Object.entries(tree(own.state));
  for (const marker of Object.values(MARKERS))
    expect(files.filter(([, text]) => text.includes(marker)).map(([name]) => name)).toEqual(['secrets.json']);
  expect(statSync(path.join(own.state, 'secrets.json')).mode & 0o777).toBe(0o600);
  expect(statSync(own.state).mode & 0o777).toBe(0o700);
});

it('are listed by name, origin and user, and the generated ones stay what they are', async () => {
  const { run } = planted();
  await run(['render']);
  const list = json((await run(['secrets', 'list', '--json'])).stdout) as unknown as {
    secrets: { name: string; origin: string; services: string[] }[];
  };
  expect(Object.fromEntries(list.secrets.map((secret) => [secret.name, [secret.origin, ...secret.services]]))).toEqual({
    'backup-files-key': ['generated', 'backup'],
    'database-password': ['given', 'postgres'],
    'database-url': ['composed', 'app-1'],
    'plex-token': ['given', 'app-1'],
    'redis-password': ['given', 'redis'],
    'redis-url': ['composed', 'app-1'],
  });
  const generated = folder();
  await generated.run(['render', ...COMPOSE]);
  const before = readFileSync(path.join(generated.state, 'secrets.json'), 'utf8');
  generated.settings('app: { logLevel: warn }\n');
  await generated.run(['render', ...COMPOSE]);
  expect(readFileSync(path.join(generated.state, 'secrets.json'), 'utf8')).toBe(before);
  expect(Object.keys((JSON.parse(before) as { values: object }).values)).toEqual([
    'backup-files-key',
    'database-password',
    'redis-password',
  ]);
});

it('that change are a change of exactly the services that read them', async () => {
  const { run } = planted();
  await run(['render']);
  const { status, stdout } = await run(['render', '--check', '--json', '--set', 'postgres.password=another']);
  expect([status, json(stdout).files]).toEqual([3, [{ path: 'compose.yml', action: 'change' }]]);
});

it('given as a variable arrive byte for byte', async () => {
  const value = `q"'$X\${Y} #é🦊: [\n`;
  const own = folder();
  await own.run(['render', ...COMPOSE], { env: { MEDIANEST_POSTGRES_PASSWORD: value } });
  const store = JSON.parse(readFileSync(path.join(own.state, 'secrets.json'), 'utf8')) as {
    values: Record<string, { value: string; origin: string }>;
  };
  expect(store.values['database-password']).toMatchObject({ value, origin: 'given' });
});
