import type { Engine } from '../docker/types.ts';

/** As the superuser, by the socket that every server of the stack has in its own container. */
const CONNECTION = 'host=/run/postgresql user=postgres dbname=postgres connect_timeout=5 options=-cstatement_timeout=5s';

/**
 * Asks the server in a container of the database. @returns what it says, without headers; undefined where it does not answer: other
 * checks report a container that hangs or is just stopping
 */
export async function askServer(engine: Engine, container: { id: string }, query: string): Promise<string | undefined> {
  const said = await engine.exec(container.id, ['psql', '-XqAt', CONNECTION, '-c', query]).catch(() => undefined);
  return said?.exitCode === 0 ? said.output : undefined;
}
