import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { docker, medianest, run } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';

const UID = 10_002;
const DATA = '/var/lib/postgresql/data';

let image: string;
let dir: string;
const at = (...parts: string[]) => path.join(dir, ...parts);

/** A file as medianest places it: the container's user alone may read it. */
function place(name: string, text: string | Buffer, mode = 0o400): void {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), text);
  chownSync(at(name), UID, UID);
  chmodSync(at(name), mode);
}

/** Starts a member as its container is started, on a folder of this test; it has no network, so it could not do more than begin. */
async function begin(data: string[] = ['--volume', `${at('data')}:${DATA}`]): Promise<{ status: number | null; said: string }> {
  const mounts = Object.entries({ etc: '/etc/medianest', certs: '/run/certs', trust: '/run/trust', secrets: '/run/secrets' });
  const { status, stderr, stdout } = await docker([
    ...['run', '--rm', '--network', 'none', '--user', `${UID}:${UID}`, '--read-only', '--cap-drop', 'ALL', '--tmpfs', '/tmp'],
    ...mounts.flatMap(([from, to]) => ['--volume', `${at(from)}:${to}:ro`]),
    ...data,
    image,
  ]);
  return { status, said: (stdout + stderr).trim() };
}

const contents = (): string[] => readdirSync(at('data'), { recursive: true }).map(String).sort();

beforeAll(async () => {
  const built = await medianest(['images', 'build', 'patroni', '--profile', 'prod', '--json'], { cwd: os.tmpdir() });
  image =
    (JSON.parse(built.stdout) as { images: { name: string; ref: string }[] }).images.find(({ name }) => name === 'patroni')?.ref ?? '';
  expect(image).not.toBe('');
});

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-refusals-'));
  chmodSync(dir, 0o755);
  place('etc/current/patroni.yml', 'scope: medianest\n');
  place('certs/current/fullchain.pem', 'none');
  place('certs/current/privkey.pem', 'none');
  place('trust/internal-ca.pem', 'none');
  for (const slot of ['a', 'b']) place(`secrets/database-password-${slot}`, 'secret');
  mkdirSync(at('data'));
  chownSync(at('data'), UID, UID);
  chmodSync(at('data'), 0o700);
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Has the server of the image judge parameters, as `up` does (prove-settings.ts). */
async function judge(
  parameters: Record<string, string>,
  folder: string[] = ['--tmpfs', '/tmp:mode=1777'],
): Promise<[number | null, string]> {
  const { status, stdout, stderr } = await docker(
    [
      ...['run', '--rm', '--init', '--interactive', '--network', 'none', '--read-only', '--cap-drop', 'ALL', ...folder],
      ...['--memory', '768m', '--shm-size', '256m'],
      ...['--security-opt', 'no-new-privileges:true', '--user', String(UID), '--entrypoint', '/usr/local/bin/check-parameters', image],
    ],
    {
      input: Object.entries(parameters)
        .map(([name, value]) => `${name}=${value}\0`)
        .join(''),
    },
  );
  return [status, (status === 3 ? stdout : stdout + stderr).trim()];
}

describe('PostgreSQL itself judges parameters:', () => {
  it('those of prod are taken', async () => {
    const stack = stackOf(load({ flags: { profile: 'prod' } }));
    const input = stack.services.find(({ trial }) => trial)?.trial?.input ?? '';
    const all = input
      .split('\0')
      .filter(Boolean)
      .map((line): [string, string] => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
    expect(all.length).toBeGreaterThan(30);
    expect(await judge(Object.fromEntries(all))).toEqual([0, '']);
  });

  it.each<[string, Record<string, string>]>([
    ['a zone of tzdata-legacy', { timezone: 'US/Eastern' }],
    ['units, numbers and booleans', { work_mem: '1.5GB', random_page_cost: '1.25', jit: 'true', log_min_duration_statement: '-1' }],
    ['quotes, backslashes and what bash would expand', { application_name: `it's \\ & "x" = $HOME \`id\` %s`, log_line_prefix: '%m\t' }],
    ['a library, and a parameter of it', { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '500' }],
    ['a log that goes elsewhere', { log_destination: 'syslog', log_min_messages: 'panic' }],
    ['shared memory that its container has', { min_dynamic_shared_memory: '128MB' }],
    ['none at all', {}],
  ])('%s: taken', async (_name, parameters) => {
    expect(await judge(parameters)).toEqual([0, '']);
  });

  it.each<[string, Record<string, string>, string]>([
    ['an unknown zone', { timezone: 'Nowhere/Else' }, 'invalid value for parameter "TimeZone": "Nowhere/Else"'],
    ['more than is possible', { shared_buffers: '999999GB' }, 'invalid value for parameter "shared_buffers": "999999GB"'],
    ['no size', { work_mem: 'banana' }, 'invalid value for parameter "work_mem": "banana"'],
    ['no boolean', { jit: 'maybe' }, 'parameter "jit" requires a Boolean value'],
    ['an unknown name', { foo_bar: '1' }, 'unrecognized configuration parameter "foo_bar"'],
    ['a library that is not there', { shared_preload_libraries: 'nothere' }, 'could not access file "nothere"'],
    [
      'one that each session loads, in silence',
      { session_preload_libraries: 'nothere', log_min_messages: 'panic', log_destination: 'syslog' },
      'could not access file "nothere"',
    ],
    [
      'what a library warns of',
      { shared_preload_libraries: 'pg_stat_statements', 'pg_stat_statements.max': '5' },
      '5 is outside the valid range for parameter "pg_stat_statements.max"',
    ],
    ['what does not fit together', { max_connections: '20', superuser_reserved_connections: '30' }, 'must be less than'],
    ['what is fixed when a cluster is made', { wal_segment_size: '32MB' }, 'parameter "wal_segment_size" cannot be changed'],
    ['a second line', { log_line_prefix: "a\nwork_mem = '1MB" }, 'syntax error'],
  ])('%s: refused, with the reason', async (_name, parameters, reason) => {
    expect(await judge(parameters)).toEqual([3, expect.stringContaining(reason)]);
  });

  it('more memory than there is: refused, also where the kernel promises any amount', async () => {
    expect(await judge({ max_locks_per_transaction: '100000000' })).toEqual([
      3,
      expect.stringMatching(/could not map anonymous shared memory|needs more memory than its container has/),
    ]);
  });

  it.each([
    ['too small', ['--tmpfs', '/tmp:mode=1777,size=16m']],
    ['read-only', []],
  ])('they are not judged where /tmp is %s', async (_name, folder) => {
    expect(await judge({ timezone: 'Nowhere/Else' }, folder)).toEqual([1, expect.stringMatching(/initdb: /)]);
  });
});

describe('a member of the database refuses to begin, and changes nothing,', () => {
  it.each([
    ['where its volume holds another major version', `${DATA}/17`, 'data/17'],
    ['where another version lies beside its place', `${DATA}/16`, 'data/16'],
    ['where another version lies in the mount itself', DATA, 'data'],
  ])('%s', async (_name, where, folder) => {
    place(`${folder}/PG_VERSION`, '16\n', 0o600);
    place(`${folder}/base/1/1259`, 'somebody’s data', 0o600);
    chownSync(at(folder), UID, UID);
    const before = contents();
    const { status, said } = await begin();
    expect(status).toBe(1);
    expect(said).toContain(`${where} holds a PostgreSQL 16 cluster`);
    expect(said).toContain('nothing was changed');
    expect(said.split('\n')).toHaveLength(1);
    expect(contents()).toEqual(before);
    expect(readFileSync(at(folder, 'base/1/1259'), 'utf8')).toBe('somebody’s data');
  });

  it.each([
    ['is empty', Buffer.alloc(0), 0o400, 'the secret /run/secrets/database-password-b is empty'],
    ['is not text', Buffer.from([0x61, 0, 0x62]), 0o400, 'the secret /run/secrets/database-password-b is not UTF-8 text'],
    ['is in no known encoding', Buffer.from([0xff, 0xfe]), 0o400, 'the secret /run/secrets/database-password-b is not UTF-8 text'],
    [
      'it may not read',
      Buffer.from('secret'),
      0o000,
      'the secret /run/secrets/database-password-b is missing or not readable by uid 10002',
    ],
  ])('where a password file %s', async (_name, bytes, mode, message) => {
    place('secrets/database-password-b', bytes, mode);
    const { status, said } = await begin();
    expect([status, said]).toEqual([1, expect.stringContaining(message)]);
    expect(said).not.toContain('secret\n');
    expect(contents()).toEqual([]);
  });

  it('where the data path is mounted read-only', async () => {
    const { status, said } = await begin(['--volume', `${at('data')}:${DATA}:ro`]);
    expect([status, said]).toEqual([1, `postgres: ${DATA} is not writable`]);
  });

  it('where the data path belongs to somebody else', async () => {
    chownSync(at('data'), 4711, 4711);
    const { status, said } = await begin();
    expect(status).toBe(1);
    expect(said).toContain(`${DATA} belongs to uid 4711, not to uid 10002 as which this container runs: chown -R 10002:10002 it`);
  });

  it('where the data path is full', async () => {
    const { status, said } = await begin(['--tmpfs', `${DATA}:size=64m,uid=${UID},gid=${UID},mode=0700`]);
    expect([status, said]).toEqual([1, `postgres: ${DATA} has 64 MiB free, and a new database needs 128: make room (nothing was changed)`]);
  });

  it('where another container uses the same volume', async () => {
    place('data/.lock', '', 0o600);
    const holder = run('flock', [at('data/.lock'), 'sleep', '14']);
    const { status, said } = await begin();
    expect([status, said]).toEqual([1, `postgres: ${DATA} is in use by another container`]);
    await holder;
    expect(contents()).toEqual(['.lock']);
  });
});
