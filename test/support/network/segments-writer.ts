import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOME } from '../cli.ts';
import type { Workspace } from '../workspace.ts';
import { enterNetworks } from './enter.ts';

interface Client {
  connect(): Promise<void>;
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>;
  end(): Promise<void>;
  on(event: 'error', listener: () => void): void;
}

// The portal's own client of PostgreSQL.
const pg = createRequire(path.join(HOME, 'templates/app/image/package.json'))('pg') as { Client: new (options: object) => Client };

/** A client that comes as the application does: through the router, with today's password, over TLS that it verifies in full. */
export async function connect(workspace: Workspace, how: { password?: string; user?: string; port?: number } = {}): Promise<Client> {
  const url = new URL(readFileSync(path.join(workspace.state, 'secrets/app-1/database-url'), 'utf8'));
  const client = new pg.Client({
    host: url.hostname,
    port: how.port ?? Number(url.port),
    user: how.user ?? url.username,
    password: how.password ?? decodeURIComponent(url.password),
    database: 'medianest',
    ssl: { ca: readFileSync(path.join(workspace.state, 'ca/trust/internal-ca.pem'), 'utf8') },
    connectionTimeoutMillis: 2000,
    query_timeout: 3000,
  });
  client.on('error', () => {});
  await client.connect();
  return client;
}

/** Writes one row after another, on one connection for as long as that lasts. */
export async function startWriter(workspace: Workspace) {
  enterNetworks(workspace.project, ['db']);
  const first = await connect(workspace);
  await first.query('CREATE TABLE IF NOT EXISTS segments_writes (id bigint PRIMARY KEY)');
  await first.end();
  const acknowledged: number[] = [];
  let running = true;
  let longest = 0;
  let last = performance.now();
  const loop = (async () => {
    let client: Client | undefined;
    for (let id = 1; running; id++) {
      try {
        client ??= await connect(workspace);
        await client.query('INSERT INTO segments_writes VALUES ($1)', [id]);
        acknowledged.push(id);
        longest = Math.max(longest, performance.now() - last);
        last = performance.now();
      } catch {
        client?.end().catch(() => {});
        client = undefined;
      }
      await sleep(20);
    }
    await client?.end().catch(() => {});
  })();
  const more = async () => {
    const before = acknowledged.length;
    for (const deadline = Date.now() + 30_000; acknowledged.length < before + 3; await sleep(20)) {
      if (Date.now() > deadline) throw new Error('nothing could be written for 30 s');
    }
  };
  return {
    /** The longest time without an acknowledged write while something happens, in milliseconds. */
    gapDuring: async <T>(act: () => Promise<T>): Promise<{ result: T; gap: number }> => {
      await more();
      longest = 0;
      const result = await act();
      await more();
      return { result, gap: Math.round(longest) };
    },
    /** The writes that were acknowledged and are not there. */
    lost: async (): Promise<number[]> => {
      // Those that come meanwhile may not be in the answer yet.
      const known = [...acknowledged];
      // After `down` and `up` the network is another one.
      enterNetworks(workspace.project, ['db']);
      const client = await connect(workspace);
      const { rows } = await client.query<{ id: string }>('SELECT id FROM segments_writes');
      await client.end();
      const there = new Set(rows.map(({ id }) => Number(id)));
      return known.filter((id) => !there.has(id));
    },
    stop: async () => {
      running = false;
      await loop;
    },
  };
}
