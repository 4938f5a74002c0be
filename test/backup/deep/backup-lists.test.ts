import { chmodSync, chownSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ListedSet } from '../../support/backup/backup-stack.ts';
import { DevBackups } from '../../support/backup/dev-backups.ts';
import { docker } from '../../support/cli.ts';
import { parsed, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/*
 * What the state folder and the repository say of sets, where they disagree; and what was written after a restore that was killed.
 */

const TIMEOUT = 400_000;

let space: Workspace;
let stack: DevBackups;

const list = () => path.join(space.state, 'backups.json');
const must = (...args: string[]) => stack.must(...args);
const backup = async () => parsed<ListedSet>(await must('backup', '--json')).id;
const ids = async () => (await stack.sets()).map(({ id }) => id);

/** What the list in the repository names. */
async function inRepository(): Promise<string[]> {
  const here = readFileSync(list(), 'utf8');
  rmSync(list());
  try {
    return await ids();
  } finally {
    writeFileSync(list(), here);
  }
}

async function killedWhen(what: string, isNow: () => Promise<boolean>, ...args: string[]): Promise<void> {
  let child: { kill(signal: NodeJS.Signals): boolean } | undefined;
  const killed = space.run(args, { onSpawn: (started) => (child = started) });
  await until(what, isNow, 300);
  child?.kill('SIGKILL');
  expect((await killed).status).not.toBe(0);
}

beforeAll(async () => {
  space = await workspace('lists');
  stack = new DevBackups(space);
  space.configure({
    profile: 'dev-compose',
    components: { edge: false },
    backup: { local: { kind: 'volume', keep: { last: 3, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 } } } as never,
  });
  await must('up', '--timeout', '400');
  await stack.sql("create table noted (id serial, text text); insert into noted (text) values ('one')");
}, 900_000);

afterAll(async () => {
  await space?.destroy();
});

test(
  'a state folder that comes from an older copy does not know of the newest set: it is neither removed nor passed over',
  async () => {
    const first = await backup();
    const older = readFileSync(list(), 'utf8');
    const second = await backup();
    writeFileSync(list(), older);
    const plan = parsed<{ backup: string }>(await must('restore', 'latest', '--dry-run', '--json'));
    expect(plan.backup).toBe(second);
    await must('backup', 'prune');
    expect([await ids(), await inRepository()]).toEqual([
      [first, second],
      [first, second],
    ]);
    expect(parsed<{ status: string }>(await must('backup', 'verify', '--json')).status).toBe('ok');
  },
  TIMEOUT,
);

test(
  'a list that was written while the clock was a day ahead hides none of the sets since then',
  async () => {
    const ahead = new Date(Date.now() + 86_400_000).toISOString().slice(0, 19);
    const image = (await docker(['inspect', '--format', '{{.Image}}', `${space.project}-backup-1`])).stdout.trim();
    const mounts = ['--volume', `${space.project}_backups:/srv/backups`, '--volume', `${space.state}/secrets/backup:/run/secrets:ro`];
    const names = ['--stdin', '--stdin-filename', 'backups.json', '--tag', 'catalogue', '--host', space.project];
    const written = await docker(
      [
        ...[
          'run',
          '--rm',
          '--interactive',
          '--network',
          'none',
          '--tmpfs',
          '/tmp',
          '--env',
          'RESTIC_REPOSITORY=/srv/backups/files',
          ...mounts,
        ],
        ...['--entrypoint', 'repository', image, 'backup', '--quiet', ...names, '--time', ahead.replace('T', ' ')],
      ],
      { input: readFileSync(list(), 'utf8') },
    );
    expect(written.status, written.stderr).toBe(0);
    const third = await backup();
    expect((await inRepository()).at(-1)).toBe(third);
    await must('backup', 'prune');
    expect((await inRepository()).at(-1)).toBe(third);
  },
  TIMEOUT,
);

test(
  'a verification whose program is killed says so, and calls no set damaged',
  async () => {
    const job = `${space.project}-job-check`;
    const verified = stack.refused('backup', 'verify');
    await until('it is killed', async () => (await docker(['kill', job])).status === 0, 120);
    expect(await verified).toMatchObject({ code: 'BACKUP_FAILED', message: expect.stringMatching(/^restic check ended with status 137/) });
    expect((await stack.sets()).map(({ status }) => status)).not.toContain('damaged');
    await must('backup', 'verify');
  },
  TIMEOUT,
);

test(
  'a restore that is killed once all data is in its place: what visitors write from then on stays when it is resumed',
  async () => {
    await stack.upload('one.txt', 'then');
    await backup();
    const journal = () => readFileSync(path.join(space.state, 'restoring.json'), 'utf8');
    await killedWhen('all data is in its place', async () => journal().includes('"replaced": true'), ...['restore', 'latest', '--yes']);
    // Whatever became of the start that was killed.
    for (const name of ['postgres', 'redis', 'app-1']) await docker(['start', `${space.project}-${name}-1`]);
    await stack.upload('two.txt', 'since');
    await stack.sql("insert into noted (text) values ('since')");
    await must('restore', '--yes');
    expect(await stack.inside('app-1', 'cat', '/srv/uploads/two.txt')).toBe('since');
    expect((await stack.sql('select text from noted order by id')).split('\n')).toEqual(['one', 'since']);
    await must('health');
  },
  TIMEOUT,
);

test(
  'the set that `restore --undo` needs outlives a later restore that fails',
  async () => {
    const { safety } = parsed<{ safety: string }>(await must('restore', 'latest', '--yes', '--json'));
    // What a failed restore leaves: a newer safety set.
    const failing = stack.refused('restore', 'latest', '--yes');
    const job = `${space.project}-job-restore-dump`;
    await until('it is killed', async () => (await docker(['kill', job])).status === 0, 120);
    expect(await failing).toMatchObject({ code: 'RESTORE_FAILED' });
    for (let left = 3; left > 0; left--) await backup();
    await must('backup', 'prune');
    expect(await ids()).toContain(safety);
    await must('restore', '--undo', '--yes');
  },
  TIMEOUT,
);

test(
  'settings come back as private as they were, and to their owner',
  async () => {
    const file = path.join(space.dir, 'medianest.yml');
    chmodSync(file, 0o600);
    await backup();
    chmodSync(file, 0o644);
    if (process.geteuid?.() === 0) chownSync(file, 1234, 1234);
    await must('restore', 'latest', '--only', 'settings', '--yes');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    if (process.geteuid?.() === 0) expect([statSync(file).uid, statSync(file).gid]).toEqual([1234, 1234]);
  },
  TIMEOUT,
);
