import { readFileSync } from 'node:fs';
import path from 'node:path';
import { workspace } from './workspace.ts';

/**
 * A real PostgreSQL and Redis for the portal's own contract suite: the stack's own, without the portal. An internal
 * network is reachable from its host by address.
 */
export default async function setup(): Promise<() => Promise<void>> {
  const servers = await workspace('contract');
  const up = await servers.run(['up', '--profile', 'dev-compose', '--without', 'app,edge']);
  if (up.status !== 0) throw new Error(up.stderr);
  // The suite makes roles and databases of its own.
  const granted = await servers.run(['exec', 'postgres', 'psql', '-U', 'postgres', '-c', 'ALTER ROLE medianest CREATEROLE CREATEDB'], {
    env: { MEDIANEST_PROFILE: 'dev-compose' },
  });
  if (granted.status !== 0) throw new Error(granted.stderr);
  const status = JSON.parse((await servers.run(['status', '--json', '--profile', 'dev-compose'])).stdout) as {
    services: { name: string; addresses: { db: string } }[];
  };
  const address = (name: string) => status.services.find((service) => service.name === name)?.addresses.db;
  const secret = (service: string, name: string) =>
    encodeURIComponent(readFileSync(path.join(servers.state, 'secrets', service, name), 'utf8'));
  process.env.PORTAL_TEST_DATABASE_URL = `postgresql://medianest:${secret('postgres', 'database-password')}@${address('postgres')}:5432/medianest`;
  process.env.PORTAL_TEST_REDIS_URL = `redis://:${secret('redis', 'redis-password')}@${address('redis')}:6379/0`;
  return () => servers.destroy();
}
