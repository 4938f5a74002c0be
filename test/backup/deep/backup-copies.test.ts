import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { type CopyServers, copyServers } from '../../support/backup/copy-servers.ts';
import { docker, medianest } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { removeProject } from '../../support/workspace.ts';

interface Health {
  checks: { id: string; status: string; message: string }[];
}

let far: CopyServers;
let stack: BackupStack;
let azure: Record<string, unknown> | undefined;

/** Where the copy by SFTP is. */
let folder = 'medianest';
const settings = (hostKeys = far.hostKeys) => ({
  copies: {
    sftp: { host: far.host, path: folder, hostKeys, key: `file:${far.key}` },
    s3: { bucket: 'far', endpoint: `http://${far.host}:4568`, accessKey: 'S3RVER', secretKey: 'S3RVER', keep: KEEP },
    ...(azure && { azure }),
  },
});
/** Of the sets of this test, the newest alone. */
const KEEP = { last: 1, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };

const check = async (name: string) =>
  (JSON.parse((await stack.space.run(['health', '--json'])).stdout) as Health).checks.find(({ id }) => id === `backup-copy-${name}`);
const status = async () => stack.inside('backup-copies', 'copies', 'status');
/** Until all that is wanted is in a copy, from now on. */
const whole = (name: string) => {
  const since = new Date().toISOString().slice(0, 19);
  return until(
    `${name} is whole`,
    async () => {
      const lines = (await status()).split('\n').map((line) => line.trim());
      const sent = lines.find((line) => line.startsWith(`${name} wal-success `))?.split(' ')[2] ?? '';
      return lines.includes(`${name} complete yes`) && sent > since;
    },
    120,
  );
};

beforeAll(async () => {
  far = await copyServers('copies');
  stack = await backupStack('copies');
  stack.configure(settings());
  await stack.must('up', '--timeout', '400');
  await stack.sql("create table noted (text text); insert into noted values ('one')");
  await stack.upload('one.txt', 'then');
}, 900_000);
afterAll(async () => {
  await far?.destroy();
  await stack?.destroy();
});

describe('copies elsewhere', () => {
  test('servers that are away: the backup ends well, it is seen, and they catch up', async () => {
    await stack.must('backup', '--type', 'full');
    await until('it is seen', async () => (await check('sftp'))?.status === 'warn', 60);
    expect((await stack.space.run(['status'])).stdout).toContain('the copy sftp is behind');
    const began = Date.now();
    await far.start(`${stack.space.project}_mgmt`);
    azure = { container: 'far', sasUrl: await far.sasUrl() };
    stack.configure(settings());
    await stack.must('up');
    for (const name of ['sftp', 's3', 'azure']) await whole(name);
    figure('copies caught up, in seconds', (Date.now() - began) / 1000);
    for (const name of ['sftp', 's3', 'azure']) expect(await check(name)).toMatchObject({ status: 'ok' });
  }, 300_000);

  test('hold nothing in the clear, and no key is in what the engine tells', async () => {
    await far.run('sh', '-c', '! grep -rl "noted" /home/medianest/medianest /data');
    const told = (await docker(['inspect', `${stack.space.project}-backup-copies-1`])).stdout;
    expect(told).not.toMatch(/S3RVER|sig=|PRIVATE KEY/);
    const secret = readFileSync(far.key, 'utf8').split('\n')[1] as string;
    expect(told).not.toContain(secret);
  });

  test('each keeps by its own rules', async () => {
    await stack.must('backup', '--type', 'full');
    await whole('sftp');
    await whole('s3');
    const labels = async (name: string) =>
      (await status())
        .split('\n')
        .find((line) => line.startsWith(`${name} labels `))
        ?.trim()
        .split(' ')
        .slice(2);
    expect(await labels('sftp')).toHaveLength(2);
    expect(await labels('s3')).toHaveLength(1);
    const plan = parsed<{ copies: Record<string, { keep: boolean; reasons: string[] }[]> }>(
      await stack.must('backup', 'prune', '--dry-run', '--json'),
    );
    expect(plan.copies.sftp?.map(({ keep }) => keep)).toEqual([true, true]);
    expect(plan.copies.s3?.map(({ keep }) => keep)).toContain(true);
  }, 200_000);

  test('one that is killed half-way goes on, and another host key or none of ours is refused', async () => {
    await docker(['kill', `${stack.space.project}-backup-copies-1`]);
    await far.letIn(false);
    await stack.must('up');
    await stack.must('backup');
    await until('the key is refused', async () => /unable to authenticate/.test((await check('sftp'))?.message ?? ''), 60);
    await whole('s3');
    await far.letIn(true);
    stack.configure(settings(far.hostKeys.map((key) => `${key.split(' ')[0]} ${key.slice(-40)}`)));
    await stack.must('up');
    await until('the host is refused', async () => /knownhosts/.test((await check('sftp'))?.message ?? ''), 60);
    stack.configure(settings());
    await stack.must('up');
    await whole('sftp');
  }, 300_000);

  test('are verified, and what is damaged there is told', async () => {
    const good = parsed<{ copies: { name: string; problems: string[] }[] }>(await stack.must('backup', 'verify', '--json'));
    expect(good.copies).toEqual(['sftp', 's3', 'azure'].map((name) => ({ name, problems: [] })));
    await far.run(
      'sh',
      '-c',
      'f=$(find /home/medianest/medianest/pgbackrest/archive -name "*.zst" | sort | tail -n 1); cp "$f" /tmp/kept; echo "$f" >/tmp/name; printf x | dd of="$f" bs=1 seek=100 conv=notrunc status=none',
    );
    const bad = await stack.space.run(['backup', 'verify', '--json']);
    expect(bad.status).toBe(5);
    expect((JSON.parse(bad.stdout) as typeof good).copies[0]?.problems[0]).toContain('WAL: ');
    await far.run('sh', '-c', 'cat /tmp/kept >"$(cat /tmp/name)"');
  }, 200_000);
});

test('while there are copies the keys stay; after they were changed a copy in an empty place holds old sets and new ones', async () => {
  expect(await stack.refused('backup', 'keys', 'rotate')).toEqual([1, 'BACKUP_REFUSED']);
  stack.configure({});
  await stack.must('up');
  await stack.must('backup', 'keys', 'rotate');
  folder = 'second';
  azure = undefined;
  const { copies } = settings();
  stack.configure({ copies: { sftp: copies.sftp } });
  await stack.must('up');
  await stack.must('backup');
  await whole('sftp');
  const labels =
    /^sftp labels (.*)$/m
      .exec(await status())?.[1]
      ?.trim()
      .split(' ') ?? [];
  expect(new Set(labels.map((label) => label.split('/')[0]))).toEqual(new Set(['pgbackrest', 'pgbackrest-2']));
  expect(parsed<{ copies: unknown[] }>(await stack.must('backup', 'verify', '--json')).copies).toEqual([{ name: 'sftp', problems: [] }]);
}, 240_000);

describe('the host is lost', () => {
  test('and a bare one has everything back by the kit and a copy; another repository is refused', async () => {
    const [kit, passphrase] = [path.join(stack.space.dir, 'kit'), path.join(stack.space.dir, 'passphrase')];
    writeFileSync(passphrase, 'five random words in a row\n');
    await stack.must('backup', 'kit', kit, '--passphrase-file', passphrase);
    const newest = (await stack.inside('backup', 'contents')).split('\n').filter((line) => line.startsWith('wal')).length;
    await stack.sql("insert into noted values ('two')");
    await stack.sql('select pg_switch_wal()');
    await stack.upload('one.txt', 'lost');
    await until(
      'WAL is in the archive',
      async () => (await stack.inside('backup', 'contents')).split('\n').filter((line) => line.startsWith('wal')).length > newest,
      60,
    );
    await whole('sftp');
    await docker(['network', 'disconnect', `${stack.space.project}_mgmt`, far.host]);
    await removeProject(stack.space.project);
    rmSync(stack.space.state, { recursive: true, force: true });
    const bare = path.join(stack.space.dir, 'bare');
    await docker(['volume', 'rm', `${stack.space.project}_backups`]);
    mkdirSync(bare);
    // What the settings name beside themselves is not in the kit: the path of the key is absolute.
    const restored = medianest(['restore', '--kit', kit, '--passphrase-file', passphrase, '--from', 'sftp', '--json'], { cwd: bare });
    await until(
      'its network is there',
      async () => (await docker(['network', 'connect', `${stack.space.project}_mgmt`, far.host])).status === 0,
      120,
    );
    const done = await restored;
    expect(done.status, done.stderr).toBe(0);
    figure('bare host from a copy', parsed<{ rtoSeconds: number }>(done));
    expect(await stack.sql('select string_agg(text, $$ $$ order by text) from noted')).toBe('one two');
    expect(await stack.files()).toEqual(['one.txt=then']);
    const list = parsed<{ backups: { id: string }[] }>(await medianest(['backup', 'list', '--json'], { cwd: bare }));
    expect(list.backups.length).toBeGreaterThanOrEqual(4);
    // A set of before the keys were changed is in the other generation.
    const [oldest] = list.backups;
    const look = `${stack.space.project}-look`;
    const old = await medianest(['restore', oldest?.id ?? '', '--into', look, '--yes', '--json'], { cwd: bare });
    expect(old.status, old.stderr).toBe(0);
    expect((await medianest(['preview', 'remove', look], { cwd: bare })).status).toBe(0);

    await docker(['exec', far.host, 'sh', '-c', 'echo another >/home/medianest/second/repository.id']);
    const refused = await medianest(['backup', 'fetch', 'sftp', '--json'], { cwd: bare });
    expect([refused.status, JSON.parse(refused.stdout).error.code]).toEqual([1, 'REPOSITORY_AWAY']);
    expect(await stack.inside('backup-copies', 'copies', 'check', 'sftp').catch((error: Error) => error.message)).toBeTruthy();
  }, 400_000);
});
