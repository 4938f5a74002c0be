import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Why } from '../../../src/health/plan/why.ts';
import { docker } from '../../support/cli.ts';
import { containers, until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const settings = { profile: 'dev-compose' };
let space: Workspace;

const why = async (service: string): Promise<Why & { exit: number | null }> => {
  const { status, stdout } = await space.run(['why', service, '--json']);
  return { exit: status, ...(JSON.parse(stdout) as Why) };
};
const healthOf = async (service: string) => (await containers(space.project)).find(({ name }) => name === `${space.project}-${service}-1`);
/** The whole stack is well again, whatever the test before has left. */
const mend = async () => {
  space.configure(settings);
  const up = await space.run(['up']);
  if (up.status !== 0) throw new Error(up.stderr);
};

beforeAll(async () => {
  space = await workspace('why');
  await mend();
});
afterAll(() => space.destroy());

test('a service that works says so, and one that there is not is refused', async () => {
  expect(await why('edge')).toEqual({ exit: 0, service: 'edge', status: 'ok', causes: [], changes: [] });
  expect((await space.run(['why', 'app'])).stdout).toBe('app works, and so does all that it needs\n');
  const unknown = await space.run(['why', 'ap', '--json']);
  expect([unknown.status, unknown.stdout]).toEqual([2, expect.stringContaining('UNKNOWN_SERVICE')]);
});

test('a killed database is told as the root of what is wrong with the edge, with the way back', async () => {
  expect((await docker(['kill', `${space.project}-postgres-1`])).status).toBe(0);
  const answer = await why('edge');
  expect([answer.exit, answer.status]).toEqual([5, 'fail']);
  expect(answer.causes.map(({ service }) => service)).toEqual(['postgres']);
  expect(answer.causes[0]).toMatchObject({
    what: expect.stringMatching(/^does not run: it was killed \(SIGKILL\), and not for its memory/),
    fix: 'medianest up',
  });
  expect(Date.now() - Date.parse(answer.causes[0]?.since as string)).toBeLessThan(180_000);
  // The `up` of this test's beginning.
  expect(answer.changes).toEqual([
    expect.objectContaining({ source: 'audit log', text: expect.stringMatching(/^medianest up .*: done$/) }),
  ]);
  await mend();
  expect((await why('edge')).causes.map(({ what }) => what).filter((what) => !what.startsWith('runs again'))).toEqual([]);
});

test('a paused service is told with the command that lets it go on', async () => {
  const redis = `${space.project}-redis-1`;
  await docker(['pause', redis]);
  const { causes } = await why('redis');
  await docker(['unpause', redis]);
  await until('its next check succeeds', async () => (await healthOf('redis'))?.health === 'healthy', 60);
  expect(causes).toMatchObject([{ service: 'redis', what: 'is paused', fix: `docker unpause ${redis}` }]);
});

test('an application that reaches its memory limit is told with the limit, also while it is restarted again and again', async () => {
  const script = 'setTimeout(() => { const kept = []; for (;;) kept.push(Buffer.alloc(8 * 1024 ** 2, 1)); }, 500)';
  const image = (await docker(['inspect', '--format', '{{.Config.Image}}', `${space.project}-app-1-1`])).stdout.trim();
  space.configure({ ...settings, app: { image, command: ['node', '-e', script], memory: '64m' } });
  expect((await space.run(['up', '--timeout', '20'])).status).toBe(5);
  const { causes, changes, exit } = await why('app');
  expect(exit).toBe(5);
  expect(changes).toContainEqual(
    expect.objectContaining({ source: 'settings', text: expect.stringMatching(/^app-1: .*mem_limit \S+ -> \S+/) }),
  );
  expect(causes.at(-1)).toMatchObject({
    service: 'app-1',
    what: expect.stringMatching(/reached its memory limit of 64 MiB/),
    fix: expect.stringContaining('more memory'),
  });
  await mend();
});

test('an application that ends by itself is told with its status and its last words', async () => {
  space.configure({ ...settings, app: { image: 'debian:trixie-slim', command: ['sh', '-c', 'echo cannot find my database; exit 3'] } });
  expect((await space.run(['up', '--timeout', '10'])).status).toBe(5);
  const { causes, changes } = await why('app');
  expect(causes.at(-1)).toMatchObject({ service: 'app-1', what: expect.stringMatching(/it ended with status 3/) });
  expect(causes.at(-1)?.evidence).toContainEqual({ at: null, source: 'log', text: 'cannot find my database' });
  expect(changes.length).toBeGreaterThan(0);
});
