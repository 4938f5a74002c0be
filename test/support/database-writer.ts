import { readFileSync } from 'node:fs';
import path from 'node:path';
import { docker } from './cli.ts';
import type { Workspace } from './workspace.ts';

/**
 * Writes rows through the router, one connection for each as a client that trusts nothing, and notes when each was
 * acknowledged: a log of its own, to be compared with what the database holds.
 */
const PROGRAM = `
export PGCONNECT_TIMEOUT=2
psql -qXh db-router -U medianest_a -d medianest -c 'create table if not exists written (n bigint primary key)' || exit 1
n=0
while true; do
  n=$((n + 1))
  if timeout 3 psql -qXh db-router -U medianest_a -d medianest -c "insert into written values ($n)" 2>/dev/null; then
    echo "$n $(date +%s%3N)"
  else
    sleep 0.05
  fi
done`;

export interface Writer {
  /** Rows that were acknowledged, with the time in ms. */
  acknowledged(): Promise<{ row: number; at: number }[]>;
  /** How long no write was acknowledged, the longest since a time, in ms. */
  gapSince(from: number): Promise<number>;
  /** Rows that were acknowledged and are not there. */
  lost(): Promise<number[]>;
  stop(): Promise<void>;
}

export async function databaseWriter(workspace: Workspace): Promise<Writer> {
  const { project } = workspace;
  const name = `${project}-writer`;
  const { values } = JSON.parse(readFileSync(path.join(workspace.state, 'secrets.json'), 'utf8'));
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${project}-postgres-1-1`])).stdout.trim();
  const password = values['database-password-a'].value as string;
  const label = ['--label', `com.docker.compose.project=${project}`];
  const started = await docker(
    [
      'run',
      '--detach',
      '--name',
      name,
      ...label,
      '--network',
      `${project}_db`,
      '--env',
      'PGPASSWORD',
      '--entrypoint',
      'bash',
      image,
      '-c',
      PROGRAM,
    ],
    { env: { PGPASSWORD: password } },
  );
  if (started.status !== 0) throw new Error(started.stderr);
  const acknowledged = async () =>
    (await docker(['logs', name])).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(' ').map(Number) as [number, number])
      .map(([row, at]) => ({ row, at }));
  return {
    acknowledged,
    gapSince: async (from) => {
      const times = (await acknowledged()).map(({ at }) => at);
      return Math.max(...times.slice(1).flatMap((at, index) => (at > from ? [at - (times[index] as number)] : [])));
    },
    lost: async () => {
      const sent = await acknowledged();
      const query = ['psql', '-qtAXh', 'db-router', '-U', 'medianest_a', '-d', 'medianest', '-c', 'select n from written'];
      const { stdout, stderr, status } = await docker(['exec', '--env', 'PGPASSWORD', name, ...query], { env: { PGPASSWORD: password } });
      if (status !== 0) throw new Error(stderr);
      const there = new Set(stdout.split('\n').map(Number));
      return sent.map(({ row }) => row).filter((row) => !there.has(row));
    },
    stop: async () => void (await docker(['rm', '--force', name])),
  };
}
