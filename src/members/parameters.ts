import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { POSTGRES_MAJOR } from '../services/database/postgres.ts';
import { containersOf, withRole } from '../stack/roles.ts';
import { type AskedServer, PARAMETER_QUERY, parameterChecks, sharedParameters } from './plan/parameter-checks.ts';
import { askServer } from './psql.ts';

const DATA = `/var/lib/postgresql/data/${POSTGRES_MAJOR}`;

/**
 * Prints one parameter after it has read the files (PostgreSQL's manual, `postgres -C`). It neither starts a server nor takes a lock,
 * so that it may run beside one that is just being started.
 */
const readFiles = (member: boolean): string[] => [
  ...['postgres', '-D', DATA, ...(member ? [] : ['-c', 'config_file=/etc/medianest/current/postgresql.conf'])],
  ...['-c', 'log_destination=stderr', '-C', 'data_directory'],
];

/** For `health`: parameters of the database that are not applied, of servers that cannot start with theirs too. */
export async function parameterHealth({ engine, manifest, containers }: Seen): Promise<Check[]> {
  if (!manifest) return [];
  const members = new Set(withRole(manifest.services, 'database').flatMap(({ name, member }) => (member ? [name] : [])));
  const running = containersOf(containers, manifest.services, 'database').filter(({ state }) => state === 'running');
  const asked = await Promise.all(running.map((container) => ask(engine, container, members.has(container.service))));
  return parameterChecks(asked, sharedParameters(manifest));
}

async function ask(engine: Engine, container: ObservedContainer, member: boolean): Promise<AskedServer> {
  const { service } = container;
  const answer = await askServer(engine, container, PARAMETER_QUERY);
  if (answer !== undefined) return { service, member, answer, said: undefined };
  const read = await engine.exec(container.id, readFiles(member)).catch(() => undefined);
  return { service, member, answer, said: read && read.exitCode !== 0 ? read.output : undefined };
}
