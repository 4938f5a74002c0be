import { once } from 'node:events';
import { UserError } from '../../core/errors.ts';
import { type DockerStream, streamDocker } from '../../docker/stream.ts';
import { lastLines, type Server, superuserArgs } from './server.ts';

/**
 * Keeps a session of the superuser in each of these databases. The role that loads a dump owns them, and owners may drop a database from within
 * another one; PostgreSQL refuses that while a session is there that the role may not end (manual, DROP DATABASE: FORCE).
 * @returns ends the sessions @throws UserError IMPORT_FAILED where one cannot be opened
 */
export async function holdDatabases(server: Server, names: readonly string[]): Promise<() => Promise<void>> {
  const held = names.map((name) => ({ name, session: streamDocker(superuserArgs(server, name, ['--interactive']), server.signal) }));
  const release = async () => {
    for (const { session } of held) session.stdin.end();
    await Promise.all(held.map(({ session }) => session.ended));
  };
  try {
    await Promise.all(held.map(({ name, session }) => opened(session, name)));
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

async function opened(session: DockerStream, name: string): Promise<void> {
  session.stdin.write('select 1;\n');
  const answers = await Promise.race([once(session.stdout, 'data').then(() => true), session.ended.then(() => false)]);
  if (answers) return;
  const { tail } = await session.ended;
  throw new UserError(
    'IMPORT_FAILED',
    `the database ${name} cannot be protected from what the dump says: ${lastLines(tail)}; the running database was not touched`,
    'medianest health; medianest logs postgres',
  );
}
