import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../support/cli.ts';
import { removeProject, type Workspace, workspace } from '../support/workspace.ts';
import { parsed, request } from './support.ts';

/** What is looked for in the repository, and must not be found there in the clear. */
const MARKER = 'marker-8c1d5f0e';

let space: Workspace;
const at = (service: string) => `${space.project}-${service}-1`;
const inside = async (service: string, ...argv: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(['exec', at(service), ...argv]);
  if (status !== 0) throw new Error(`${service}: ${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
};
const sql = async (query: string): Promise<string> => {
  for (const member of ['postgres-1', 'postgres-2']) {
    const psql = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c'];
    if ((await inside(member, ...psql, 'select pg_is_in_recovery()')) === 'f') return inside(member, ...psql, query);
  }
  throw new Error('nobody leads');
};
/** A session of the portal’s cache, whichever node holds it. */
const cache = (...argv: string[]) =>
  inside(
    'redis-1',
    'sh',
    '-c',
    'REDISCLI_AUTH=$(cat /run/secrets/redis-password-a) exec redis-cli -c --tls --cacert /run/trust/internal-ca.pem --user medianest "$@"',
    'sh',
    ...argv,
  );
const upload = (file: string, text: string) => inside('app-1', 'sh', '-c', 'printf %s "$2" >"/srv/uploads/$1"', 'sh', file, text);
const files = () => inside('app-1', 'sh', '-c', 'cd /srv/uploads && for f in *; do echo "$f=$(cat "$f")"; done');
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect(done.stderr, args.join(' ')).not.toContain('Error:');
  expect(done.status, `${args.join(' ')}: ${done.stderr}`).toBe(0);
  return done;
};
const report = (what: string, figure: unknown) => process.stderr.write(`backup: ${what}: ${JSON.stringify(figure)}\n`);
const leftovers = async () =>
  (
    await docker([
      'ps',
      '--all',
      '--quiet',
      '--filter',
      `label=io.medianest.project=${space.project}`,
      '--filter',
      'label=io.medianest.job',
    ])
  ).stdout;
const sets = async () =>
  (parsed(await must('backup', 'list', '--json')) as { backups: { id: string; type: string; status: string }[] }).backups;

beforeAll(async () => {
  space = await workspace('backup', '');
  space.configure({
    profile: 'staging',
    components: { edge: false, cdn: false, balancer: false },
    app: { replicas: 1 },
    backup: { archiveSeconds: 10 },
  });
  await must('up', '--timeout', '400');
}, 900_000);

afterAll(async () => {
  for (const preview of ['look', 'drill']) await removeProject(`${space?.project}-${preview}`);
  await space?.destroy();
});

describe('a backup of everything', () => {
  test('one that was never made is said to be missing', async () => {
    expect(await sets()).toEqual([]);
    const refused = await space.run(['restore', '--yes', '--json']);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'NO_BACKUP']);
  });

  test('a full one and one that builds upon it are stored, encrypted', async () => {
    await sql(`create table noted (text text); insert into noted values ('${MARKER}')`);
    await upload('one.txt', MARKER);
    await cache('set', 'session:1', MARKER);
    const full = parsed(await must('backup', '--type', 'full', '--json')) as Record<string, unknown>;
    expect(full).toMatchObject({ type: 'full', repo: 'local', parts: { db: expect.stringMatching(/F$/), files: expect.any(String) } });
    const incr = parsed(await must('backup', '--json')) as { type: string; storedBytes: number };
    expect(incr.type).toBe('incr');
    expect(incr.storedBytes).toBeLessThan((full.storedBytes as number) / 5);
    const found = await docker(['exec', at('backup'), 'grep', '-rl', MARKER, '/srv/backups']);
    expect([found.status, found.stdout]).toEqual([1, '']);
    expect((await sets()).map(({ type, status }) => [type, status])).toEqual([
      ['full', 'stored'],
      ['incr', 'stored'],
    ]);
  });

  test('it is read again, and the result is stored with it', async () => {
    await must('backup', 'verify');
    expect((await sets()).map(({ status }) => status)).toEqual(['verified', 'verified']);
    const { stdout } = await must('backup', 'prune', '--dry-run');
    expect(stdout).toMatch(/stays .*one of the last 3/);
  });

  test('a second one at the same time is told who is at work', async () => {
    const first = space.run(['backup', '--json']);
    await sleep(1500);
    const second = await space.run(['backup', '--json']);
    expect([second.status, JSON.parse(second.stdout).error.code]).toEqual([1, 'LOCKED']);
    expect((await first).status).toBe(0);
  });

  test('killed half-way, it is not listed, and the next one works', async () => {
    const before = (await sets()).length;
    await space.run(['backup', '--type', 'full'], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), 2500) });
    expect(await sets()).toHaveLength(before);
    await must('backup', '--json');
    expect(await sets()).toHaveLength(before + 1);
    expect(await leftovers()).toBe('');
  });
});

describe('a restore', () => {
  test('drill: the newest set is restored, checked, measured, and nothing is left', async () => {
    const outcome = parsed(await must('drill', '--json')) as { rpoSeconds: number; rtoSeconds: number; checks: { status: string }[] };
    report('drill', { rpo: outcome.rpoSeconds, rto: outcome.rtoSeconds });
    expect(outcome.checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(outcome.rpoSeconds).toBeLessThanOrEqual(60);
    const label = `label=io.medianest.preview=${space.project}-drill`;
    for (const kind of ['container', 'network', 'volume'])
      expect((await docker([kind, 'ls', ...(kind === 'container' ? ['--all'] : []), '--quiet', '--filter', label])).stdout).toBe('');
  });

  let before = '';
  test('into a project of its own: the data of then, and what runs is not touched', async () => {
    await sql("insert into noted values ('before')");
    await sleep(1100);
    before = new Date().toISOString();
    await sleep(1100);
    await sql("insert into noted values ('after')");
    await upload('one.txt', 'changed');
    await upload('two.txt', 'after');
    await cache('set', 'session:1', 'after');
    await must('backup');
    const into = `${space.project}-look`;
    const { urls } = parsed(await must('restore', '--to', before, '--into', into, '--json')) as { urls: string[] };
    expect((await request(`${urls[0]}api/health`)).status).toBe(200);
    const psql = [
      'exec',
      `${into}-postgres`,
      'psql',
      '-XqAt',
      '-h',
      '/run',
      '-U',
      'postgres',
      '-d',
      'medianest',
      '-c',
      'select text from noted',
    ];
    expect((await docker(psql)).stdout.trim().split('\n')).toEqual([MARKER, 'before']);
    await must('preview', 'remove', into);
    const refused = await space.run(['preview', 'remove', space.project]);
    expect(refused.status).toBe(2);
    expect(await sql('select count(*) from noted')).toBe('3');
  });

  test('in place, and back again', async () => {
    const refused = await space.run(['restore', '--to', before, '--json']);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([2, 'CONFIRMATION_NEEDED']);
    const outcome = parsed(await must('restore', '--to', before, '--yes', '--json')) as { rtoSeconds: number; safety: string };
    report('in place', outcome);
    expect((await sql('select text from noted')).split('\n')).toEqual([MARKER, 'before']);
    expect(await files()).toBe(`one.txt=${MARKER}`);
    expect(await cache('get', 'session:1')).toBe(MARKER);
    await must('health');
    expect((await sets()).at(-1)).toMatchObject({ type: 'full' });

    report('undo', parsed(await must('restore', '--undo', '--yes', '--json')));
    expect((await sql('select text from noted')).split('\n')).toEqual([MARKER, 'before', 'after']);
    expect((await files()).split('\n')).toEqual(['one.txt=changed', 'two.txt=after']);
    expect(await cache('get', 'session:1')).toBe('after');
  }, 600_000);

  test('times that cannot be reached are refused before anything is touched', async () => {
    for (const to of ['2020-01-01T00:00:00Z', new Date(Date.now() + 86_400_000).toISOString()]) {
      const refused = await space.run(['restore', '--to', to, '--yes', '--json']);
      expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'NO_BACKUP']);
    }
  });
});

describe('a repository that is not what it was', () => {
  test('another key is told as such', async () => {
    const file = path.join(space.state, 'secrets/backup/backup-files-key');
    const key = readFileSync(file);
    writeFileSync(file, 'another');
    const refused = await space.run(['backup', '--json']);
    writeFileSync(file, key);
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'REPOSITORY_AWAY']);
  });

  test('one flipped byte in the database’s part is found by verify', async () => {
    const flip =
      'f=$(find /srv/backups/pgbackrest/backup/medianest/*F -path "*bundle*" -type f -size +8k | sort | tail -n 1); chmod u+w "$f"; printf "\\377\\377" | dd of="$f" bs=1 seek=4096 conv=notrunc 2>/dev/null';
    await inside('backup', 'sh', '-c', flip);
    const found = await space.run(['backup', 'verify', '--json']);
    expect(found.status).toBe(5);
    expect((await sets()).filter(({ status }) => status === 'damaged').length).toBeGreaterThan(0);
  });

  test('`down --volumes` leaves it', async () => {
    await must('down', '--volumes', '--no-backup', '--yes');
    const volumes = (await docker(['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${space.project}`])).stdout.trim();
    expect(volumes).toBe(`${space.project}_backups`);
  });
});
