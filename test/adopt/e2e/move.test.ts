import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { parsed, request, until } from '../../support/stack.ts';
import { freeRange, PREFIX, removeProject, type Workspace, workspace } from '../../support/workspace.ts';

/*
 * A Compose project that runs, with PostgreSQL and files, moves here by the very commands that `adopt` prints.
 */

const TIMEOUT = 300_000;
const OLD = `${PREFIX}-old`;

let space: Workspace;
let file = '';
let port = 0;

const image = async (name: string): Promise<string> => {
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', name]);
  return stdout.split('\n')[0] as string;
};
const compose = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(['compose', '--file', file, '--project-name', OLD, ...args]);
  if (status !== 0) throw new Error(`compose ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const inside = async (container: string, ...argv: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', container, ...argv]);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const env = () => ({
  MEDIANEST_DISK_RESERVE: '16m',
  MEDIANEST_OBSERVABILITY: 'off',
  MEDIANEST_NETWORKS_DB_SUBNET: range,
  MEDIANEST_LOGS_STORE: 'off',
});
let range = '';
const must = async (args: string[]): Promise<Run> => {
  const done = await space.run(args, { env: env() });
  expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
  return done;
};
/** As a shell would take the command apart; none of these has quotes. */
const words = (command: string): string[] => command.replace(/^medianest /, '').split(' ');

beforeAll(async () => {
  space = await workspace('move');
  port = space.httpPort;
  range = await freeRange();
  await removeProject(OLD);
  await removeProject(`${OLD}-stack`);
  const folder = path.join(space.dir, 'old');
  mkdirSync(folder);
  file = path.join(folder, 'docker-compose.yml');
  const server = "require('http').createServer((q, r) => r.end('served ' + (process.env.GREETING || ''))).listen(3000)";
  const database =
    'initdb -D /tmp/data -U shop --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null && exec postgres -D /tmp/data -c unix_socket_directories=/tmp -c listen_addresses=';
  writeFileSync(
    file,
    `name: ${OLD}
services:
  web:
    image: ${await image('medianest/app')}
    user: "1000:1000"
    command: ["node", "-e", ${JSON.stringify(server)}]
    environment: { GREETING: hello, DATABASE_URL: "postgres://shop:pw@db/shop", APP_SECRET: "top-secret-$$value" }
    ports: ["${port}:3000"]
    volumes: ["files:/srv/old/uploads"]
  db:
    image: ${await image('medianest/postgres')}
    entrypoint: ["bash", "-c", "${database}"]
    environment: { POSTGRES_USER: shop, POSTGRES_DB: shop, POSTGRES_PASSWORD: pw, PGHOST: /tmp }
    tmpfs: ["/tmp:mode=1777,exec"]
volumes: { files: {} }
`,
  );
  await compose('up', '--detach');
  await until(
    'the old database answers',
    async () => (await docker(['exec', `${OLD}-db-1`, 'psql', '-U', 'shop', '-d', 'postgres', '-c', ''])).status === 0,
    60,
  );
  await inside(`${OLD}-db-1`, 'psql', '-U', 'shop', '-d', 'postgres', '-c', 'create database shop');
  await inside(
    `${OLD}-db-1`,
    'psql',
    '-U',
    'shop',
    '-d',
    'shop',
    '-c',
    "create table orders (id serial primary key, what text); insert into orders (what) select 'o' || g from generate_series(1, 500) g",
  );
  const fill = 'mkdir -p /v/2024 && printf one >"/v/a b.txt" && printf two >/v/2024/ü.txt && ln -s /etc/passwd /v/out && mkfifo /v/pipe';
  await docker([
    'run',
    '--rm',
    '--user',
    '0:0',
    '--network',
    'none',
    '--volume',
    `${OLD}_files:/v`,
    '--entrypoint',
    'bash',
    await image('medianest/postgres'),
    '-c',
    fill,
  ]);
}, 300_000);

afterAll(async () => {
  if (file) await docker(['compose', '--file', file, '--project-name', OLD, 'down', '--volumes', '--timeout', '1']);
  await removeProject(`${OLD}-stack`);
  await space?.destroy();
});

describe('a project that runs', () => {
  test(
    'moves here by the commands that adopt prints, and stays as it was',
    async () => {
      const settings = path.join(space.dir, 'medianest.yml');
      rmSync(settings);
      const proposal = parsed<{ commands: { command: string }[]; left: string[] }>(
        await must(['adopt', file, '--app', 'web', '--profile', 'dev-compose', '--json']),
      );
      const commands = proposal.commands.map(({ command }) => command);
      expect(commands.length).toBeLessThanOrEqual(5);
      expect(existsSync(settings)).toBe(false);
      const [write, up, database, files, last] = commands as [string, string, string, string, string];
      await must([...words(write), '--profile', 'dev-compose']);
      expect(readFileSync(settings, 'utf8')).not.toContain('top-secret');
      await must([...words(up), '--timeout', '400']);
      // The old one serves until the import stops it.
      expect((await request(`http://127.0.0.1:${port}/`)).body).toBe('served hello');
      const stack = `${OLD}-stack`;
      const moved = parsed<{ rows: number; outageSeconds: number }>(await must([...words(database), '--yes', '--json']));
      expect(moved.rows).toBe(500);
      expect(moved.outageSeconds).toBeLessThan(120);
      const copied = parsed<{ copied: { files: number; left: string[] }[] }>(await must([...words(files), '--json']));
      expect(copied.copied).toMatchObject([{ files: 2, left: ['out: a link that leads outside, to /etc/passwd', 'pipe: a named pipe'] }]);
      await must([...words(last), '--timeout', '400']);

      const psql = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c'];
      expect(await inside(`${stack}-postgres-1`, ...psql, 'select count(*), max(id) from orders')).toBe('500|500');
      const listing = 'cd /srv/old/uploads && for f in * */*; do if [ -f "$f" ]; then echo "$f $(cat "$f") $(stat -c %u "$f")"; fi; done';
      expect((await inside(`${stack}-app-1-1`, 'sh', '-c', listing)).split('\n').sort()).toEqual([
        '2024/ü.txt two 1000',
        'a b.txt one 1000',
      ]);
      expect(await inside(`${stack}-app-1-1`, 'sh', '-c', 'echo "$GREETING"')).toBe('hello');

      // The old project: its data untouched, its application stopped, and back with one command.
      expect(await inside(`${OLD}-db-1`, 'psql', '-U', 'shop', '-d', 'shop', '-At', '-c', 'select count(*) from orders')).toBe('500');
      expect(await compose('ps', '--all', '--format', '{{.Service}} {{.State}}')).toMatch(/web exited/);

      // The same files again change nothing; others in their places are refused.
      await must([...words(files)]);
      await docker([
        'run',
        '--rm',
        '--user',
        '0:0',
        '--network',
        'none',
        '--volume',
        `${OLD}_files:/v`,
        '--entrypoint',
        'bash',
        await image('medianest/postgres'),
        '-c',
        'printf other >"/v/a b.txt"',
      ]);
      const conflict = await space.run([...words(files), '--json'], { env: env() });
      expect(JSON.parse(conflict.stdout).error).toMatchObject({ code: 'IMPORT_REFUSED', hint: expect.stringContaining('--replace') });
      await must([...words(files), '--replace']);
      expect(await inside(`${stack}-app-1-1`, 'cat', '/srv/old/uploads/a b.txt')).toBe('other');
    },
    TIMEOUT,
  );
});
