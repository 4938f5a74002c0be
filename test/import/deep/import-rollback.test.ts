import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

/* A database that is imported and compared, and on which the application does not start. */

let space: Workspace;

const sql = async (query: string): Promise<string> => {
  const argv = ['psql', '-XqAt', '-h', '/run/postgresql', '-U', 'postgres', '-d', 'medianest', '-c', query];
  const { status, stdout, stderr } = await docker(['exec', `${space.project}-postgres-1`, ...argv]);
  if (status !== 0) throw new Error(`${query}: ${stderr}`);
  return stdout.trim();
};

beforeAll(async () => {
  space = await workspace('importback');
  // Its container is healthy once it can serve: without a database that it knows it is alive alone.
  space.configure({ profile: 'dev-compose', components: { edge: false }, app: { healthPath: '/api/health/ready' } });
  const up = await space.run(['up', '--timeout', '400']);
  expect(up.status, up.stderr).toBe(0);
  await sql("create table before_import (text text); insert into before_import values ('here')");
}, 600_000);

afterAll(() => space?.destroy());

describe('an application that does not start on the imported database', () => {
  test('runs on the one before again, and nothing is left', async () => {
    // The portal keeps its own list of migrations in a table of this name.
    const dump = space.write(
      'other.sql',
      'CREATE TABLE public.schema_migrations (id integer);\nCOPY public.schema_migrations (id) FROM stdin;\n1\n\\.\n',
    );
    const { status, stdout } = await space.run(['import', 'database', dump, '--yes', '--json']);
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect([status, error.code, error.message]).toEqual([
      1,
      'IMPORT_FAILED',
      expect.stringContaining('the database that was before runs again'),
    ]);
    expect(await sql('select * from before_import')).toBe('here');
    expect(await sql("select count(*) from pg_database where datname like 'medianest%'")).toBe('1');
    expect((await space.run(['health'])).status).toBe(0);
  }, 600_000);
});
