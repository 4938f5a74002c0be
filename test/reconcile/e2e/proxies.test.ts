import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { portal, ready } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const PROXY = 'http://192.0.2.9:3128';
const settings = { profile: 'dev-compose' };
let space: Workspace;
let env: Record<string, string>;

/** Compose service -> what its container is told of a proxy. */
async function proxies(): Promise<Record<string, string[]>> {
  const listed = await docker(['ps', '--quiet', '--filter', `label=com.docker.compose.project=${space.project}`]);
  const { stdout } = await docker(['inspect', ...listed.stdout.split('\n').filter(Boolean)]);
  const found = JSON.parse(stdout) as { Config: { Labels: Record<string, string>; Env: string[] } }[];
  return Object.fromEntries(
    found.map(({ Config }) => [
      Config.Labels['com.docker.compose.service'],
      Config.Env.filter((entry) => /^(https?|ftp|no|all)_proxy=./i.test(entry)).sort(),
    ]),
  );
}

beforeAll(async () => {
  space = await workspace('proxies');
  space.configure(settings);
  const folder = path.join(space.dir, 'docker');
  mkdirSync(folder);
  writeFileSync(
    path.join(folder, 'config.json'),
    JSON.stringify({ proxies: { default: { httpProxy: PROXY, httpsProxy: PROXY, noProxy: 'localhost' } } }),
  );
  env = { DOCKER_CONFIG: folder };
});
afterAll(() => space.destroy());

test('proxies of the Docker client’s configuration reach no container', async () => {
  const up = await space.run(['up'], { env });
  expect([up.status, up.stderr]).toEqual([0, expect.any(String)]);
  const seen = await proxies();
  expect(Object.keys(seen)).toContain('app-1');
  for (const [service, values] of Object.entries(seen)) expect([service, values]).toEqual([service, []]);
  await ready(portal, space);
});

test('app.proxy lets the application have them, and no other', async () => {
  space.configure({ ...settings, app: { proxy: true } });
  expect((await space.run(['up'], { env })).status).toBe(0);
  const { 'app-1': app, ...others } = await proxies();
  expect(app).toEqual([
    `HTTPS_PROXY=${PROXY}`,
    `HTTP_PROXY=${PROXY}`,
    'NO_PROXY=localhost',
    `http_proxy=${PROXY}`,
    `https_proxy=${PROXY}`,
    'no_proxy=localhost',
  ]);
  expect(Object.values(others).flat()).toEqual([]);
  await ready(portal, space);
});
