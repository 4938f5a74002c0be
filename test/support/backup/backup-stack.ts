import { expect } from 'vitest';
import { docker, type Run } from '../cli.ts';
import { parsed, until } from '../stack.ts';
import { removeProject, type Workspace, workspace } from '../workspace.ts';

/** What a set says of itself in `backup list --json`. */
export interface ListedSet {
  id: string;
  type: string;
  status: string;
  reason: string;
  problems?: string[];
}

/** The data plane of staging with a backup, the portal on it, and hands on each kind of its data. */
export interface BackupStack {
  space: Workspace;
  /** Writes medianest.yml anew, with more settings of the backup. */
  configure(more: Record<string, unknown>): void;
  /** Runs medianest, which has to end well. */
  must(...args: string[]): Promise<Run>;
  /** Runs medianest, which has to fail. @returns its exit status and the code of its error */
  refused(...args: string[]): Promise<[number | null, string]>;
  inside(service: string, ...argv: string[]): Promise<string>;
  /** The member that leads. */
  leader(): Promise<string>;
  /** One statement in the database that leads. */
  sql(query: string): Promise<string>;
  /** One command to the cache, whichever node has the key. */
  cache(...argv: string[]): Promise<string>;
  upload(file: string, text: string): Promise<string>;
  /** The uploads: `name=text`. */
  files(): Promise<string[]>;
  sets(): Promise<ListedSet[]>;
  /** Waits until nothing is wrong with containers, groups and the synchronous standby; what a backup has left wrong is another matter. */
  wellAgain(seconds: number): Promise<void>;
  /** Containers of this project that do one thing for a backup. */
  jobs(): Promise<string[]>;
  destroy(): Promise<void>;
}

const PSQL = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c'];
const SLIM = { edge: false, cdn: false, balancer: false };

export async function backupStack(name: string, backup: Record<string, unknown> = {}): Promise<BackupStack> {
  const space = await workspace(name, '');
  const configure = (more: Record<string, unknown>) =>
    space.configure({ profile: 'staging', components: SLIM, app: { replicas: 1 }, backup: { archiveSeconds: 10, ...backup, ...more } });
  configure({});
  const inside = async (service: string, ...argv: string[]): Promise<string> => {
    const { status, stdout, stderr } = await docker(['exec', `${space.project}-${service}-1`, ...argv]);
    if (status !== 0) throw new Error(`${service}: ${argv.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  const must = async (...args: string[]) => {
    const done = await space.run(args);
    expect(done.status, `${args.join(' ')}: ${done.stdout}${done.stderr}`).toBe(0);
    return done;
  };
  const leader = async () => {
    for (const member of ['postgres-1', 'postgres-2'])
      if ((await inside(member, ...PSQL, 'select pg_is_in_recovery()')) === 'f') return member;
    throw new Error('nobody leads');
  };
  return {
    space,
    configure,
    must,
    refused: async (...args) => {
      const { status, stdout } = await space.run([...args, '--json']);
      return [status, (JSON.parse(stdout) as { error: { code: string } }).error.code];
    },
    inside,
    leader,
    sql: async (query) => inside(await leader(), ...PSQL, query),
    cache: (...argv) =>
      inside(
        'redis-1',
        'sh',
        '-c',
        'REDISCLI_AUTH=$(cat /run/secrets/redis-password-a) exec redis-cli -c --tls --cacert /run/trust/internal-ca.pem --user medianest "$@"',
        'sh',
        ...argv,
      ),
    upload: (file, text) => inside('app-1', 'sh', '-c', 'printf %s "$2" >"/srv/uploads/$1"', 'sh', file, text),
    files: async () =>
      (await inside('app-1', 'sh', '-c', 'cd /srv/uploads && for f in *; do echo "$f=$(cat "$f")"; done')).split('\n').sort(),
    sets: async () => parsed<{ backups: ListedSet[] }>(await must('backup', 'list', '--json')).backups,
    wellAgain: (seconds) =>
      until(
        'all is well again',
        async () => {
          const { checks } = parsed<{ checks: { id: string; status: string; message: string }[] }>(await space.run(['health', '--json']));
          // A replica that has come back is no standby yet, and what is backed up from it then fails.
          const standbys = "select count(*) from pg_stat_replication where sync_state = 'sync' and state = 'streaming'";
          // What a test has made the engine restart is told for ten minutes.
          const restarted = /\(healthy\); restarted /;
          const sound = checks.every(
            ({ id, status, message }) => status === 'ok' || restarted.test(message) || !/^(container|group)/.test(id),
          );
          return sound && (await inside(await leader(), ...PSQL, standbys)) === '1';
        },
        seconds,
      ),
    jobs: async () => {
      const filters = ['--filter', `label=io.medianest.project=${space.project}`, '--filter', 'label=io.medianest.job'];
      return (await docker(['ps', '--all', '--format', '{{.Names}}', ...filters])).stdout.split('\n').filter(Boolean);
    },
    destroy: async () => {
      for (const preview of ['look', 'drill']) await removeProject(`${space.project}-${preview}`);
      await space.destroy();
    },
  };
}

/** A figure for whoever reads the log. */
export const figure = (what: string, value: unknown): boolean => process.stderr.write(`backup: ${what}: ${JSON.stringify(value)}\n`);
