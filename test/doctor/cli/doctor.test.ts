import { chmodSync, statSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { expect, it } from 'vitest';
import { asNobody, folder, json } from '../../support/command.ts';
import { atMost } from '../../support/pace.ts';

interface Report {
  status: string;
  checks: { id: string; status: string; message: string; remedy?: string }[];
  fixed?: string[];
}
const report = (text: string) => JSON.parse(text) as Report;
const check = (text: string, id: string) => report(text).checks.find((entry) => entry.id === id);

it('looks at everything of this machine in less than two seconds', async () => {
  const { run } = folder('profile: prod\nedge: { httpPort: 18080, httpsPort: 18443 }\n');
  const bound = await atMost(2);
  const started = performance.now();
  const { stdout, status } = await run(['doctor', '--json']);
  expect((performance.now() - started) / 1000).toBeLessThan(bound);
  const ids = report(stdout).checks.map(({ id }) => id);
  for (const id of [
    'tool',
    'settings',
    'engine',
    'engine.limits',
    'compose',
    'memory',
    'disk.engine',
    'filesystem.engine',
    'encryption.engine',
    'encryption.state',
    'kernel.vm.overcommit_memory',
    'port.18443',
    'subnets',
  ])
    expect(ids).toContain(id);
  expect(status).toBe(report(stdout).status === 'fail' ? 5 : 0);
});

it('says what the ranges are kept clear of', async () => {
  const { run } = folder('external: { plex: { url: "http://10.0.144.20:32400" } }\n');
  const env = { SSH_CONNECTION: '172.16.144.7 50022 10.9.0.1 22', SSH_CLIENT: undefined };
  const { stdout } = await run(['doctor', '--json', '--only', 'subnets'], { env });
  const message = check(stdout, 'subnets')?.message;
  expect(message).toContain('172.16.144.7 (the SSH client, $SSH_CONNECTION)');
  expect(message).toContain('10.0.144.20 (external.plex.url)');
  expect(message).not.toMatch(/dmz 172\.16\.144\.0/);
});

it('goes on looking where the settings are wrong, and where no engine answers', async () => {
  const wrong = await folder('edge: { httpsPort: many }\n').run(['doctor', '--json']);
  expect(wrong.status).toBe(5);
  expect(check(wrong.stdout, 'settings')).toMatchObject({ status: 'fail', message: expect.stringContaining('edge.httpsPort') });
  expect(check(wrong.stdout, 'engine')?.status).toBe('ok');
  const away = await folder().run(['doctor', '--json'], { env: { DOCKER_HOST: 'unix:///nowhere.sock' } });
  expect(check(away.stdout, 'engine')).toMatchObject({ status: 'fail', remedy: expect.stringContaining('start it') });
  expect(check(away.stdout, 'port.3000')?.status).toBeDefined();
});

it('names who has a port, and another one', async () => {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as net.AddressInfo;
  const { stdout, status } = await folder(`allInOne: { port: ${port} }\n`).run(['doctor', '--json', '--only', 'port']);
  server.close();
  expect(status).toBe(5);
  expect(check(stdout, `port.${port}`)).toMatchObject({
    message: expect.stringContaining(`process ${process.pid}`),
    remedy: expect.stringContaining(`allInOne.port: ${port + 1}`),
  });
});

it('puts right what is small once it is told to, and nothing before', async () => {
  const { run, state } = folder();
  await run(['render']);
  const secrets = path.join(state, 'secrets.json');
  chmodSync(secrets, 0o644);
  const asked = await run(['doctor', '--only', 'state', '--fix', '--json']);
  expect([asked.status, report(asked.stdout).fixed, statSync(secrets).mode & 0o777]).toEqual([0, [], 0o644]);
  expect(asked.stderr).toContain('add --yes');
  const dry = await run(['doctor', '--only', 'state', '--fix', '--yes', '--dry-run']);
  expect([dry.stderr, statSync(secrets).mode & 0o777]).toEqual([expect.stringContaining('would set the mode'), 0o644]);
  const { stdout, status } = await run(['doctor', '--only', 'state', '--fix', '--yes', '--json']);
  expect([status, statSync(secrets).mode & 0o777, report(stdout).fixed]).toEqual([0, 0o600, [expect.stringContaining('0600')]]);
  expect(check(stdout, 'state.modes')?.status).toBe('ok');
});

it('tells somebody who may not use the engine what to do', async () => {
  const { dir } = folder();
  chmodSync(dir, 0o755);
  const { stdout, status } = await asNobody(['doctor', '--json'], { cwd: dir });
  expect(status).toBe(5);
  expect(check(stdout, 'engine')).toMatchObject({ status: 'fail', remedy: expect.stringContaining('usermod -aG docker') });
  expect(check(stdout, 'state')).toMatchObject({ status: 'fail', message: expect.stringContaining('EACCES') });
});

it('refuses an engine by SSH with the reason, before anything is done', async () => {
  const { stdout, status } = await folder().run(['up', '--json'], { env: { DOCKER_HOST: 'ssh://admin@nas' } });
  expect([status, json(stdout).error]).toEqual([
    1,
    expect.objectContaining({ code: 'ENGINE_AWAY', hint: expect.stringContaining('run medianest on that machine') }),
  ]);
});
