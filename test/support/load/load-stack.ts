import { existsSync } from 'node:fs';
import https from 'node:https';
import { docker, medianest, type Run } from '../cli.ts';
import { enterNetworks } from '../network/enter.ts';
import { type Answer, portal, ready, until } from '../stack.ts';
import { type Workspace, workspace } from '../workspace.ts';
import { badApp, buildBadApps } from './bad-apps.ts';
import type { Failure, LoadReport } from './load.ts';

/** More of medianest.yml: a section, or a setting that is none. */
type More = Record<string, Record<string, unknown> | string>;

/** Of the data plane one server each, where it has no part in a test: so two cores are enough. */
export const ONE_SERVER_EACH = {
  components: {
    ...Object.fromEntries(
      ['patroni', 'etcd', 'db-router', 'redis-cluster', 'backup', 'agent', 'engine-proxy'].map((name) => [name, false]),
    ),
    postgres: true,
    redis: true,
  },
};

/** prod as it is, on ports of its own; the application is the portal with /fault/... added. */
export async function prodStack(name: string, app: Record<string, unknown>, more: More = {}): Promise<Workspace> {
  const space = await workspace(name);
  try {
    await buildBadApps(await portalImage(space));
    configureProd(space, app, more);
    const up = await space.run(['up']);
    if (up.status !== 0) throw new Error(up.stderr);
    await ready(portal, space);
    await until('every check of the stack is ok', async () => (await space.run(['health'])).status === 0, 120);
    return space;
  } catch (error) {
    await space.destroy();
    throw error;
  }
}

export function configureProd(space: Workspace, app: Record<string, unknown>, more: More = {}): void {
  space.configure({
    profile: 'prod',
    ...more,
    // All of the load is one client.
    edge: { address: '127.0.0.1', rateLimit: false, connections: 0, ...(more.edge as object) },
    app: { image: badApp('good'), tls: true, ...app },
  });
}

/** The portal's own image, built when the engine does not have it. */
export async function portalImage(space: Workspace): Promise<string> {
  const built = await medianest(['images', 'build', 'app', '--profile', 'prod', '--json'], { cwd: space.dir });
  if (built.status !== 0) throw new Error(built.stderr);
  const { images } = JSON.parse(built.stdout) as { images: { name: string; ref: string }[] };
  const ref = images.find((image) => image.name === 'app')?.ref;
  if (!ref) throw new Error(`no portal among ${built.stdout}`);
  return ref;
}

/** Which of the images a replica runs: deploys give them names of their own. */
export async function versionOf(space: Workspace, service: string): Promise<string> {
  const environment = await inspect(space, service, '{{join .Config.Env "\\n"}}');
  return /^BEHAVIOUR=(.*)$/m.exec(environment)?.[1] ?? environment;
}

/** With the names that releases have given to their images. */
export async function destroyProd(space: Workspace): Promise<void> {
  await space.destroy();
  const { stdout } = await docker(['images', '--format', '{{.Repository}}:{{.Tag}}', `medianest/${space.project}-release`]);
  const names = stdout.split('\n').filter(Boolean);
  if (names.length > 0) await docker(['rmi', '--force', ...names]);
}

export const container = (space: Workspace, service: string): string => `${space.project}-${service}-1`;

export async function inspect(space: Workspace, service: string, format: string): Promise<string> {
  const { stdout, stderr, status } = await docker(['inspect', '--format', format, container(space, service)]);
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}

/** Kills its process as the kernel or a crash would; `docker kill` would suppress the restart policy. @returns when it was dead */
export async function kill(space: Workspace, service: string): Promise<string> {
  const pid = Number(await inspect(space, service, '{{.State.Pid}}'));
  process.kill(pid, 'SIGKILL');
  while (existsSync(`/proc/${pid}/ns/net`)) await new Promise((resolve) => setTimeout(resolve, 2));
  // The others of its container die a moment later.
  return new Date(Date.now() + 100).toISOString();
}

/** Asks one replica itself, past edge and balancer. */
export async function askReplica(space: Workspace, service: string, url: string): Promise<number> {
  enterNetworks(space.project, ['app']);
  const address = await inspect(space, service, `{{with index .NetworkSettings.Networks "${space.project}_app"}}{{.IPAddress}}{{end}}`);
  return new Promise((resolve, reject) => {
    https
      .get(`https://${address}:3000${url}`, { agent: false, rejectUnauthorized: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
      .on('error', reject);
  });
}

/** Requests that may be repeated and failed, and writes that failed although they began when the fault was over. */
export function unexcused(report: LoadReport, faultOver: string): Failure[] {
  return report.failures.filter(({ method, began }) => method === 'GET' || began > faultOver);
}

export const said = ({ stdout, stderr }: Run): string => `${stdout}${stderr}`;

/** Uploads a file of so many bytes to the portal, as a browser's form does, on a connection of its own. */
export function uploadTo(space: Workspace, bytes: number): Promise<Answer> {
  const parts = [
    '--b\r\ncontent-disposition: form-data; name="file"; filename="film.bin"\r\n\r\n',
    Buffer.alloc(bytes, 'm'),
    '\r\n--b--\r\n',
  ];
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const headers = { 'content-type': 'multipart/form-data; boundary=b', 'content-length': body.length, connection: 'close' };
  return portal(space, '/api/uploads', { method: 'POST', headers, body, timeout: 30_000 });
}
