import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseCopies } from '../../../src/backup/plan/copies.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { type CopyServers, copyServers } from '../../support/backup/copy-servers.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { freeRange, PREFIX } from '../../support/workspace.ts';

/** The service of the copies in its own image, with rclone, restic and an SSH server, before a repository that has no database. */
const PROJECT = `${PREFIX}-copies-service`;
const SERVICE = `${PROJECT}-1`;
const USER = '10002:10002';
const FULL = '20260101-000000F';
const SET = '2026-01-01T00-00-00Z';
const LABEL = `pgbackrest/backup/medianest/${FULL}`;
const FAR = '/home/medianest/medianest';
const segment = (number: string) =>
  `pgbackrest/archive/medianest/17-1/0000000100000000/0000000100000000000000${number}-${'ab'.repeat(20)}.zst`;

let dir: string;
let far: CopyServers;
let image: string;
const at = (...below: string[]) => path.join(dir, ...below);

const must = async (args: readonly string[], input?: string) => {
  const { status, stdout, stderr } = await docker(args, { ...(input !== undefined && { input }) });
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stdout}${stderr}`);
  return stdout;
};
const own = (file: string) => chownSync(file, 10002, 10002);
const put = (file: string, text: string) => {
  const target = at('repository', file);
  const made = mkdirSync(path.dirname(target), { recursive: true });
  for (let folder = path.dirname(target); made && folder.length >= made.length; folder = path.dirname(folder)) own(folder);
  writeFileSync(target, text);
  own(target);
};
const container = (repository: 'ro' | 'rw') => [
  ...['--init', '--user', USER, '--network', PROJECT, '--read-only', '--cap-drop', 'ALL', '--memory', '256m'],
  ...['--tmpfs', '/tmp:mode=1777', '--tmpfs', '/run:mode=1777'],
  ...['--volume', `${at('repository')}:/srv/backups:${repository}`, '--volume', `${at('facts')}:/var/lib/copies`],
  ...['--volume', `${at('config')}:/etc/medianest:ro`, '--volume', `${at('secrets')}:/run/secrets:ro`],
];
const restic = (args: readonly string[], input = '') =>
  must(
    [
      'run',
      '--rm',
      '--interactive',
      ...container('rw'),
      '--env',
      'RESTIC_REPOSITORY=/srv/backups/files',
      '--entrypoint',
      'repository',
      image,
      ...args,
    ],
    input,
  );
const state = async () => parseCopies(['sftp'], await must(['exec', SERVICE, 'copies', 'status']))[0];
const check = () => docker(['exec', SERVICE, 'copies', 'check', 'sftp']);
const whole = (newest: string) =>
  vi.waitFor(async () => expect(await state()).toMatchObject({ complete: true, walError: null, setsError: null, newestWal: newest }), {
    timeout: 150_000,
    interval: 500,
  });
const fetchCopy = () => docker(['run', '--rm', ...container('rw'), '--entrypoint', 'fetch-copy', image, 'sftp']);

beforeAll(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-copies-service-'));
  chmodSync(dir, 0o755);
  far = await copyServers('copies-service');
  await docker(['rm', '--force', SERVICE]);
  await docker(['network', 'rm', PROJECT]);
  await must(['network', 'create', '--subnet', await freeRange(), PROJECT]);
  await far.start(PROJECT);
  const settings = { sftp: { host: far.host, hostKeys: far.hostKeys, key: 'given' } };
  const loaded = load({ flags: { profile: 'staging' }, file: JSON.stringify({ backup: { archiveSeconds: 5, copies: settings } }) });
  const stack = stackOf(loaded, undefined, (folder?: string) => hashImageSource(HOME, folder as string));
  image = stack.services.find(({ name }) => name === 'backup-copies')?.image.ref ?? '';
  for (const folder of ['repository', 'facts', 'config/current', 'secrets']) mkdirSync(at(folder), { recursive: true });
  for (const file of rendered(stack).files.filter((entry) => entry.path.startsWith('backup-copies/')))
    writeFileSync(at('config/current', path.basename(file.path)), file.contents);
  writeFileSync(at('secrets/backup-files-key'), 'a key of this test');
  writeFileSync(at('secrets/copy-sftp-key'), readFileSync(far.key, 'utf8'));
  for (const folder of ['repository', 'facts']) own(at(folder));
  for (const file of ['secrets/backup-files-key', 'secrets/copy-sftp-key']) own(at(file));
  put('repository.id', 'own\n');
  for (const list of ['archive/medianest/archive.info', 'backup/medianest/backup.info']) put(`pgbackrest/${list}`, 'list');
  for (const number of ['08', '09']) put(segment(number), `wal ${number}`);
  for (const part of ['backup.manifest', 'backup.manifest.copy', 'pg_data/1.zst']) put(`${LABEL}/${part}`, part);
  await restic(['init', '--quiet']);
  await restic(['backup', '--quiet', '--stdin', '--tag', 'set', '--tag', SET], 'uploads');
  await restic(['backup', '--quiet', '--stdin', '--tag', 'catalogue'], '{}');
  put('copies/sftp', `oldest 000000010000000000000008\nlabel pgbackrest/${FULL}\nset ${SET}\n`);
  await must(['run', '--detach', '--name', SERVICE, ...container('ro'), '--entrypoint', 'copies', image]);
}, 300_000);
afterAll(async () => {
  await docker(['rm', '--force', SERVICE]);
  await far?.destroy();
  await docker(['network', 'rm', PROJECT]);
  if (dir) rmSync(dir, { recursive: true });
});

// Each round starts rclone some ten times, which a busy machine takes its time for.
describe('the service of the copies', { timeout: 300_000 }, () => {
  it('sends all that it is told to, and says so', async () => {
    await whole('000000010000000000000009');
    expect((await state())?.labels).toEqual([`pgbackrest/${FULL}`]);
    expect((await docker(['exec', SERVICE, 'copies', 'alive'])).status).toBe(0);
    expect(await check()).toMatchObject({ status: 0, stdout: '' });
    expect(await far.run('cat', `${FAR}/repository.id`)).toBe('own');
    await vi.waitFor(async () => expect((await state())?.measured).not.toBeNull(), { timeout: 60_000, interval: 500 });
    expect((await state())?.bytes).toBeGreaterThan(100);
    expect((await state())?.free).toBeGreaterThan(1_000_000);
  });

  it('sends WAL that comes later, and goes by another order', async () => {
    put(segment('0A'), 'wal 0A');
    put('copies/sftp', `oldest 000000010000000000000009\nlabel pgbackrest/${FULL}\nset ${SET}\n`);
    await whole('00000001000000000000000A');
    expect(await far.run('find', `${FAR}/pgbackrest/archive`, '-name', '*.zst', '-printf', '%f\n')).not.toContain('08-');
  });

  it('tells what is damaged there', async () => {
    const file = `${FAR}/${segment('09')}`;
    await far.run('sh', '-c', `cp ${file} /tmp/kept; printf X | dd of=${file} conv=notrunc status=none`);
    expect(await check()).toMatchObject({ status: 1, stdout: `WAL: ${segment('09')} is missing there or differs\n` });
    await far.run('sh', '-c', `cat /tmp/kept >${file}`);
  });

  it('tells why it does not get in, and is well again without a restart', async () => {
    await far.letIn(false);
    put(segment('0B'), 'wal 0B');
    await vi.waitFor(async () => expect((await state())?.walError).toMatch(/unable to authenticate/), { timeout: 100_000, interval: 500 });
    await far.letIn(true);
    await whole('00000001000000000000000B');
    const { stderr } = await docker(['logs', SERVICE]);
    expect(stderr).toMatch(/copy sftp: wal: .*unable to authenticate[\s\S]*copy sftp: wal is sent again/);
  });

  it('that was killed resumes, ends when it is told to, and fits into its memory', async () => {
    await must(['kill', SERVICE]);
    put(segment('0C'), 'wal 0C');
    await must(['start', SERVICE]);
    await whole('00000001000000000000000C');
    const used = await must(['stats', '--no-stream', '--format', '{{.MemUsage}}', SERVICE]);
    process.stderr.write(`copies-service: memory between rounds: ${used}`);
    await must(['stop', '--time', '20', SERVICE]);
    expect((await must(['inspect', '--format', '{{.State.ExitCode}} {{.State.OOMKilled}}', SERVICE])).trim()).toBe('0 false');
  });
});

describe('fetch-copy', { timeout: 300_000 }, () => {
  it('brings it all back', async () => {
    rmSync(at('repository'), { recursive: true });
    mkdirSync(at('repository'));
    own(at('repository'));
    expect(await fetchCopy()).toMatchObject({ status: 0 });
    const found = await must([
      'run',
      '--rm',
      ...container('ro'),
      '--entrypoint',
      'find',
      image,
      '/srv/backups/pgbackrest',
      '-type',
      'f',
      '-printf',
      '%P\n',
    ]);
    for (const file of [segment('09'), segment('0C'), `${LABEL}/backup.manifest`]) expect(found).toContain(file.replace('pgbackrest/', ''));
    expect(JSON.parse(await restic(['snapshots', '--json', '--tag', 'set']))).toHaveLength(1);
  });
  it('leaves another repository as it is, and says so by its exit status', async () => {
    put('repository.id', 'other\n');
    expect(await fetchCopy()).toMatchObject({
      status: 4,
      stderr: 'it is the copy of another repository (own) than the one here (other)\n',
    });
  });
});
