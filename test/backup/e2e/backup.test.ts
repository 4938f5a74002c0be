import { chmodSync, existsSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupStack, backupStack, figure } from '../../support/backup/backup-stack.ts';
import { filesWith, inPreview, madeBy, occupied, personalData } from '../../support/backup/previews.ts';
import { docker } from '../../support/cli.ts';
import { parsed, request, until } from '../../support/stack.ts';

/** What is looked for in the repository, and must not be found there in the clear. */
const MARKER = 'marker-8c1d5f0e';

let stack: BackupStack;
beforeAll(async () => {
  stack = await backupStack('backup');
  await stack.must('up', '--timeout', '400');
  await stack.sql(`create table noted (text text); insert into noted values ('${MARKER}')`);
  await stack.upload('one.txt', MARKER);
  await stack.cache('set', 'session:1', MARKER);
}, 900_000);
afterAll(() => stack?.destroy());

/** Containers, networks and volumes that a preview or a drill has made. */
const made = (name: string) => madeBy(`${stack.space.project}-${name}`);
const showing = (project: string) => filesWith(project, MARKER);
const ids = async () => (await stack.sets()).map(({ id }) => id);

describe('a backup of everything', () => {
  test('one that was never made is said to be missing', async () => {
    expect(await stack.sets()).toEqual([]);
    expect(await stack.refused('restore', 'latest', '--yes')).toEqual([1, 'NO_BACKUP']);
    expect((await stack.space.run(['status'])).stdout).toContain('backup: there is none yet');
  });

  test('a dry run tells what the first would be, after a look at everything, and makes nothing', async () => {
    const holds = async () => (await docker(['exec', `${stack.space.project}-backup-1`, 'find', '/srv/backups', '-maxdepth', '2'])).stdout;
    const before = await holds();
    const plan = parsed<Record<string, unknown>>(await stack.must('backup', '--dry-run', '--json'));
    expect(plan).toMatchObject({
      type: 'incr',
      result: 'planned',
      makes: 'full',
      repository: { exists: false, sets: 0, newest: null },
      database: await stack.leader(),
      files: expect.arrayContaining(['uploads', 'state']),
    });
    expect(plan.cache).toHaveLength(3);
    expect((plan.steps as string[])[0]).toBe('make the repository');
    expect([await holds(), await stack.jobs(), existsSync(path.join(stack.space.state, 'backups.json'))]).toEqual([before, [], false]);
  });

  test('a full one and one that builds upon it are stored, encrypted', async () => {
    const full = parsed<Record<string, unknown>>(await stack.must('backup', '--type', 'full', '--json'));
    expect(full).toMatchObject({ type: 'full', parts: { db: expect.stringMatching(/F$/), files: expect.any(String) } });
    const incr = parsed<{ id: string; type: string; storedBytes: number }>(await stack.must('backup', '--json'));
    expect(incr.type).toBe('incr');
    expect(incr.storedBytes).toBeLessThan((full.storedBytes as number) / 5);
    const found = await docker(['exec', `${stack.space.project}-backup-1`, 'grep', '-rl', MARKER, '/srv/backups']);
    expect([found.status, found.stdout]).toEqual([1, '']);
    await stack.must('backup', 'verify', incr.id);
    expect((await stack.sets()).map(({ type, status }) => [type, status])).toEqual([
      ['full', 'stored'],
      ['incr', 'verified'],
    ]);
    const next = parsed<Record<string, unknown>>(await stack.must('backup', '--dry-run', '--json'));
    expect(next).toMatchObject({ makes: 'incr', repository: { exists: true, sets: 2, newest: incr.id } });
    expect(await stack.sets()).toHaveLength(2);
  });

  test('a dry run is refused where the backup would be', async () => {
    const server = `${stack.space.project}-backup-1`;
    await docker(['stop', server]);
    try {
      for (const flags of [['--dry-run'], []]) expect(await stack.refused('backup', ...flags)).toEqual([1, 'BACKUP_REFUSED']);
    } finally {
      await docker(['start', server]);
    }
    await stack.wellAgain(120);
  });

  test('a second one at the same time is told who is at work', async () => {
    const first = stack.space.run(['backup', '--json']);
    await until('the first is at work', () => existsSync(path.join(stack.space.state, 'lock')));
    expect(await stack.refused('backup')).toEqual([1, 'LOCKED']);
    expect((await first).status).toBe(0);
    expect(await stack.sets()).toHaveLength(3);
  });

  test('killed half-way, it is not listed, and the next one works', async () => {
    const before = await ids();
    await stack.space.run(['backup', '--type', 'full'], { onSpawn: (child) => setTimeout(() => child.kill('SIGKILL'), 2500) });
    expect(await ids()).toEqual(before);
    await stack.must('backup', '--type', 'full');
    expect(await ids()).toHaveLength(before.length + 1);
    expect(await stack.jobs()).toEqual([]);
  });

  test('refused for a cause that passes, it is a warning with the time of the next attempt, which makes it', async () => {
    const before = await ids();
    const server = `${stack.space.project}-backup-1`;
    const told = async () =>
      (
        JSON.parse((await stack.space.run(['health', '--json'])).stdout) as { checks: { id: string; status: string; message: string }[] }
      ).checks.find(({ id }) => id === 'backup');
    await docker(['stop', server]);
    expect(await stack.refused('drill')).toEqual([1, 'BACKUP_REFUSED']);
    const waiting = stack.space.run(['backup', '--retry-for', '5m', '--json']);
    await until('health tells of it', async () => (await told())?.message.includes('next attempt at') ?? false, 60);
    expect(await told()).toMatchObject({
      status: 'warn',
      message: expect.stringMatching(/does not run; no backup was made; next attempt at .* UTC; the newest good set is/),
    });
    await docker(['start', server]);
    const { status, stdout } = await waiting;
    expect(status, stdout).toBe(0);
    expect([await ids(), await told()]).toEqual([[...before, JSON.parse(stdout).id], undefined]);
    await stack.wellAgain(120);
    await stack.must('drill');
  }, 600_000);
});

describe('a set is tried', () => {
  test('drill: it is restored, checked, measured, and nothing is left', async () => {
    const outcome = parsed<{ rpoSeconds: number; rtoSeconds: number; checks: { status: string }[] }>(await stack.must('drill', '--json'));
    figure('drill', { rpo: outcome.rpoSeconds, rto: outcome.rtoSeconds });
    expect(outcome.checks.map(({ status }) => status)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok']);
    expect(outcome.rpoSeconds).toBeLessThanOrEqual(60);
    expect(await made('drill')).toBe('');
  });

  test('a drill that fails leaves nothing either, and is told until one ends well', async () => {
    const failed = stack.space.run(['drill', '--json']);
    const job = `${stack.space.project}-job-restore-database`;
    await until('it restores the database', async () => (await docker(['kill', job])).status === 0, 120);
    expect((await failed).status).toBe(1);
    expect([await made('drill'), await stack.jobs()]).toEqual(['', []]);
    const health = await stack.space.run(['health', '--json']);
    expect(health.status).toBe(5);
    expect(JSON.parse(health.stdout).checks).toContainEqual(expect.objectContaining({ id: 'drill', status: 'fail' }));
  });

  test('into a project of its own: the data of then, and what runs is not touched', async () => {
    await stack.sql("insert into noted values ('before')");
    await sleep(1100);
    const before = new Date().toISOString();
    await sleep(1100);
    await stack.sql("insert into noted values ('after')");
    const into = `${stack.space.project}-look`;
    const { urls } = parsed<{ urls: string[] }>(await stack.must('restore', '--to', before, '--into', into, '--json'));
    expect((await request(`${urls[0]}api/health/ready`)).status).toBe(200);
    expect((await inPreview(into, 'select text from noted')).split('\n')).toEqual([MARKER, 'before']);
    expect(await showing(into)).toContain('/data/17/base/');
    const uploads = ['run', '--rm', '--network', 'none', '--volume', `${into}_uploads:/u:ro`, '--entrypoint', 'cat', 'debian:trixie-slim'];
    expect((await docker([...uploads, '/u/one.txt'])).stdout).toBe(MARKER);
    await stack.must('preview', 'remove', into);
    expect(await made('look')).toBe('');
    expect((await stack.space.run(['preview', 'remove', stack.space.project])).status).toBe(2);
    expect(await stack.sql('select count(*) from noted')).toBe('3');
  });

  test('into volumes that something else made: refused before anything starts, and their contents stay', async () => {
    const named = (name: string, ...labels: string[]) =>
      docker(['volume', 'create', ...labels.flatMap((label) => ['--label', label]), name]);
    const inside = (name: string, script: string) =>
      docker(['run', '--rm', '--network', 'none', '--volume', `${name}:/v`, '--entrypoint', 'sh', 'debian:trixie-slim', '-c', script]);
    const cases = occupied(stack.space);
    for (const [volume, labels, command] of cases) {
      await named(volume, ...labels);
      await inside(volume, 'echo precious >/v/precious.txt');
      try {
        for (const flags of [['--dry-run'], []]) {
          const { status, stdout } = await stack.space.run([...command, ...flags, '--json']);
          const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
          expect([command, flags, status, error.code]).toEqual([command, flags, 1, 'FOREIGN_PROJECT']);
          expect(error.message).toContain(`the volume ${volume} is here already`);
        }
        expect([volume, (await inside(volume, 'cat /v/*')).stdout]).toEqual([volume, 'precious\n']);
      } finally {
        await docker(['volume', 'rm', '--force', volume]);
      }
    }
    expect([await made('look'), await made('drill'), await stack.jobs()]).toEqual(['', '', []]);
    // That refusal of the drill was a failed drill.
    await stack.must('drill');
  });

  test('into volumes that a killed run of an earlier version has left', async () => {
    const look = `${stack.space.project}-look`;
    const labels = ['--label', `io.medianest.preview=${look}`, '--label', `io.medianest.project=${look}`];
    await docker(['volume', 'create', ...labels, `${look}_uploads`]);
    await stack.must('restore', 'latest', '--into', look, '--only', 'files', '--json');
    await stack.must('preview', 'remove', look);
    expect(await made('look')).toBe('');
  });

  describe('and without personal data', () => {
    const ODD = `o"d'd $$\n\\! :x`;
    const quoted = `"${ODD.replace('"', '""')}"`;
    const originals = async () => (await docker(['volume', 'ls', '--quiet', '--filter', `name=${stack.space.project}_unsanitized`])).stdout;
    const restore = () => ['restore', '--to', 'newest', '--into', `${stack.space.project}-look`, '--sanitize', '--json'];

    test('killed half-way, nothing that runs has seen it, and the next run removes it; a rule for nothing is refused', async () => {
      await stack.sql(personalData(quoted, MARKER));
      await stack.sql('select pg_switch_wal()');
      stack.configure({ sanitize: { persons: { emial: 'email' } } });
      const job = `${stack.space.project}-job-sanitize`;
      const killed = stack.space.run(restore(), {
        onSpawn: (child) =>
          void until('it is at work', async () => (await docker(['inspect', job])).status === 0, 300).then(() => child.kill('SIGKILL')),
      });
      expect((await killed).status).toBe(null);
      const running = ['ps', '--all', '--quiet', '--filter', `label=io.medianest.preview=${stack.space.project}-look`];
      expect([(await docker(running)).stdout, await originals()]).toEqual(['', expect.stringContaining('_unsanitized')]);
      // Whatever comes next, also what ends at once.
      expect(await stack.refused('restore', 'none', '--into', `${stack.space.project}-look`)).toEqual([1, 'NO_BACKUP']);
      expect([await originals(), await stack.jobs()]).toEqual(['', []]);
      const refused = await stack.space.run(restore());
      expect([refused.status, JSON.parse(refused.stdout).error]).toEqual([
        2,
        expect.objectContaining({ code: 'INVALID_SETTINGS', message: expect.stringContaining('persons.emial: there is no such column') }),
      ]);
      expect([await made('look'), await originals(), await stack.jobs()]).toEqual(['', '', []]);
    });

    test('takes the database twice: a disk that has room for it once is told before anything is made', async () => {
      const file = path.join(stack.space.state, 'backups.json');
      const before = readFileSync(file, 'utf8');
      const root = (await docker(['info', '--format', '{{.DockerRootDir}}'])).stdout.trim();
      const { bavail, bsize } = statfsSync(root);
      const size = Math.round((bavail * bsize) / 1.2 / 1.5);
      const catalogue = JSON.parse(before) as { sets: { parts: { db: { sizeBytes: number } } }[] };
      for (const { parts } of catalogue.sets) parts.db.sizeBytes = size;
      writeFileSync(file, JSON.stringify(catalogue));
      const refused = await stack.space.run(restore());
      const once = await stack.space.run([...restore().filter((word) => word !== '--sanitize'), '--only', 'db', '--dry-run']);
      writeFileSync(file, before);
      expect(JSON.parse(refused.stdout).error).toMatchObject({
        code: 'DISK_FULL',
        message: expect.stringContaining('restoring the database of'),
      });
      expect([once.status, await made('look'), await originals()]).toEqual([0, '', '']);
    });

    test('no file of it holds what was, and what belonged together still does', async () => {
      stack.configure({ sanitize: { noted: { text: 'text' }, [ODD]: { [ODD]: 'hash' }, log: 'truncate' } });
      const into = `${stack.space.project}-look`;
      const { urls, checks, sanitized } = parsed<{
        urls: string[];
        checks: { id: string; status: string }[];
        sanitized: { columns: object[]; tables: object[]; notSanitized: string[] };
      }>(await stack.must(...restore()));
      expect(await showing(into)).toBe('');
      expect(sanitized.columns).toContainEqual({ column: 'persons.email', rule: 'email', values: 500 });
      expect(sanitized.columns).toContainEqual({ column: 'requests.title', rule: 'text', values: 1 });
      expect(sanitized.tables).toEqual([
        { table: 'log', rows: 0 },
        { table: 'tasks', rows: 0 },
        { table: 'upload_days', rows: 0 },
        { table: 'upload_reservations', rows: 0 },
        { table: 'uploads', rows: 0 },
      ]);
      expect(sanitized.notSanitized).toEqual(['persons.born']);
      expect(checks.map(({ id, status }) => [id, status])).toEqual([
        ['database', 'ok'],
        ['sanitized', 'ok'],
        ['sanitized.unknown', 'warn'],
      ]);
      const joined = `select count(distinct email), bool_and(email like 'user-%@example.invalid') from persons join ${quoted} on whose = email`;
      expect(await inPreview(into, joined)).toBe('500|t');
      expect(await inPreview(into, "select count(*), (select tgenabled from pg_trigger where tgname = 'tell') from log")).toBe('0|A');
      expect(await inPreview(into, 'select title, note, kind from requests')).toBe(
        `${MARKER.replace(/./g, 'x')}|${MARKER.replace(/./g, 'x')} xxx|movie`,
      );
      expect((await request(`${urls[0]}api/requests`)).status).toBe(200);
      const uploads = ['run', '--rm', '--network', 'none', '--volume', `${into}_uploads:/u:ro`, '--entrypoint', 'ls', 'debian:trixie-slim'];
      expect((await docker([...uploads, '-A', '/u'])).stdout).toBe('');
      expect(await originals()).toBe('');
      await stack.must('preview', 'remove', into);
      stack.configure({});
    });
  });
});

test('pruning deletes what no rule keeps, and neither what others need nor the last that were verified and drilled', async () => {
  const none = { hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 };
  stack.configure({ local: { keep: { last: 1, ...none } } });
  const [full, verified, third, base, newest] = await ids();
  const plan = parsed<{ sets: { id: string; keep: boolean; reasons: string[] }[] }>(
    await stack.must('backup', 'prune', '--dry-run', '--json'),
  );
  expect(plan.sets).toEqual([
    { id: full, keep: true, reasons: [`${verified} is made from it`] },
    { id: verified, keep: true, reasons: ['the last that was verified'] },
    { id: third, keep: false, reasons: ['no rule keeps it'] },
    { id: base, keep: true, reasons: [`${newest} is made from it`] },
    { id: newest, keep: true, reasons: ['one of the last 1 (1)', 'the last that was restored in a drill'] },
  ]);
  const labels = async () =>
    (
      JSON.parse(await stack.inside('backup', 'pgbackrest', '--log-level-console=off', 'info', '--output=json')) as { backup: unknown[] }[]
    )[0]?.backup;
  // One more than there are sets where the backup that was killed had finished the database's part.
  expect((await labels())?.length).toBeOneOf([5, 6]);
  await stack.must('backup', 'prune');
  expect([await ids(), (await labels())?.length]).toEqual([[full, verified, base, newest], 4]);
});

describe('a repository that is not what it was', () => {
  test('a folder on the disk of the data, one that is not there, and an empty one are refused', async () => {
    const folder = path.join(stack.space.dir, 'disk');
    const at = (more: object) => stack.configure({ local: { kind: 'folder', path: './disk', ...more } });
    at({});
    expect(await stack.refused('backup')).toEqual([1, 'REPOSITORY_AWAY']);
    mkdirSync(folder);
    const same = await stack.space.run(['backup']);
    expect([same.status, same.stderr]).toEqual([1, expect.stringMatching(/on the same disk as the data.*sameDisk: true/s)]);
    at({ sameDisk: true });
    const empty = await stack.space.run(['backup']);
    expect([empty.status, empty.stderr]).toEqual([1, expect.stringMatching(/contains no repository.*its disk is not mounted/s)]);
    stack.configure({});
  });

  test('another key is told as such, and to whoever is to be alerted', async () => {
    const note = path.join(stack.space.dir, 'alerts');
    const script = stack.space.write(
      'alert.sh',
      `#!/bin/sh\nprintf '%s|%s|%s\\n' "$1" "$MEDIANEST_COMMAND" "$MEDIANEST_ERROR" >>${note}\n`,
    );
    chmodSync(script, 0o755);
    stack.configure({ alert: ['./alert.sh', 'told'] });
    const file = path.join(stack.space.state, 'secrets/backup/backup-files-key');
    const key = readFileSync(file);
    writeFileSync(file, 'another');
    const refused = await stack.refused('backup');
    writeFileSync(file, key);
    expect(refused).toEqual([1, 'REPOSITORY_AWAY']);
    expect(readFileSync(note, 'utf8')).toBe('told|backup|REPOSITORY_AWAY\n');
    expect((await stack.space.run(['status'])).stdout).toContain('the last `backup`');
  });

  test('a segment of WAL that is missing is named, and nothing is restored across it', async () => {
    const switched: string[] = [];
    for (const text of ['a', 'b', 'c']) {
      // In one call: a switch by the server's archive_timeout in between would leave this one nothing to end.
      switched.push(await stack.sql(`insert into noted values ('${text}'); select pg_walfile_name(pg_switch_wal())`));
    }
    // Others switch too, so that its neighbours need not be the other two.
    const [, missing, last] = switched as [string, string, string];
    const beside = (step: number) =>
      missing.slice(0, 16) + (Number.parseInt(missing.slice(16), 16) + step).toString(16).toUpperCase().padStart(8, '0');
    await until(
      'they are in the archive',
      async () => (await stack.sql('select last_archived_wal from pg_stat_archiver')).slice(0, 24) >= last,
      60,
    );
    await stack.inside('backup', 'sh', '-c', `rm /srv/backups/pgbackrest/archive/medianest/*/*/${missing}-*`);
    const { stdout } = await stack.must('backup', 'list');
    expect(stdout).toContain(`WAL is missing: 1 segments between ${beside(-1)} and ${beside(1)}`);
    const refused = await stack.space.run(['restore', '--to', 'newest', '--yes']);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining(`WAL is missing after ${beside(-1)}`)]);
    await stack.must('restore', (await ids()).at(-1) as string, '--dry-run');
  });

  test('the database does not need it: a leader that dies while it is away is followed at once', async () => {
    const leads = (member: string) =>
      stack
        .inside(member, 'psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-c', 'select pg_is_in_recovery()')
        .then((said) => said === 'f')
        .catch(() => false);
    const leader = await stack.leader();
    // Only one that has all that was acknowledged may follow.
    const standbys = "select count(*) from pg_stat_replication where sync_state = 'sync'";
    await until('there is a synchronous standby', async () => (await stack.sql(standbys)) === '1', 90);
    await docker(['stop', `${stack.space.project}-backup-1`]);
    await docker(['kill', `${stack.space.project}-${leader}-1`]);
    const killed = Date.now();
    // The other, or the same one again, where the agent had only just begun to watch.
    await until('one leads', async () => (await leads('postgres-1')) || (await leads('postgres-2')), 60);
    figure('followed without the repository after, in seconds', (Date.now() - killed) / 1000);
    // Its lock's time to live, where the agent does not release it, and not a wait for the repository besides.
    expect(Date.now() - killed).toBeLessThan(40_000);
    await docker(['start', `${stack.space.project}-backup-1`]);
    await stack.wellAgain(150);
  });

  test('one flipped byte in the database’s part is found by verify', async () => {
    const flip =
      'f=$(find /srv/backups/pgbackrest/backup/medianest/*F -path "*bundle*" -type f -size +8k | sort | tail -n 1); chmod u+w "$f"; printf "\\377\\377" | dd of="$f" bs=1 seek=4096 conv=notrunc 2>/dev/null';
    await stack.inside('backup', 'sh', '-c', flip);
    expect((await stack.space.run(['backup', 'verify', '--json'])).status).toBe(5);
    expect((await stack.sets()).at(-1)?.status).toBe('damaged');
  });

  test('`down --volumes` leaves it', async () => {
    await stack.must('down', '--volumes', '--no-backup', '--yes');
    const volumes = ['volume', 'ls', '--quiet', '--filter', `label=io.medianest.project=${stack.space.project}`];
    expect((await docker(volumes)).stdout.trim()).toBe(`${stack.space.project}_backups`);
  });
});
