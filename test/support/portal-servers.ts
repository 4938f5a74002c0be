import { readFileSync } from 'node:fs';
import path from 'node:path';
import { enterNetworks } from './network/enter.ts';
import { workspace } from './workspace.ts';

const UPLOAD_LIMIT = 1024 ** 2;

/**
 * The whole stack of dev-compose for the portal's contract suite: the portal in its container, and the same PostgreSQL
 * and Redis for portals that the suite starts itself, on this host.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const servers = await workspace('contract', `profile: dev-compose\napp: { uploadLimit: ${UPLOAD_LIMIT} }\n`);
  const up = await servers.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
  enterNetworks(servers.project, ['app', 'db']);
  // The suite makes roles and databases of its own.
  const granted = await servers.run(['exec', 'postgres', 'psql', '-U', 'postgres', '-c', 'ALTER ROLE medianest SUPERUSER']);
  if (granted.status !== 0) throw new Error(granted.stderr);
  const status = JSON.parse((await servers.run(['status', '--json'])).stdout) as {
    services: { name: string; addresses: Record<string, string> }[];
  };
  const address = (name: string, network: string) => status.services.find((service) => service.name === name)?.addresses[network];
  const secret = (service: string, name: string) =>
    encodeURIComponent(readFileSync(path.join(servers.state, 'secrets', service, name), 'utf8'));
  process.env.PORTAL_TEST_URL = `http://${address('app-1', 'app')}:3000`;
  process.env.PORTAL_TEST_UPLOAD_LIMIT = String(UPLOAD_LIMIT);
  process.env.PORTAL_TEST_DATABASE_URL = `postgresql://medianest:${secret('postgres', 'database-password')}@${address('postgres', 'db')}:5432/medianest`;
  process.env.PORTAL_TEST_REDIS_URL = `redis://:${secret('redis', 'redis-password')}@${address('redis', 'db')}:6379/0`;
  return () => servers.destroy();
}
