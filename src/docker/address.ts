import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import path from 'node:path';
import type Docker from 'dockerode';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';

const LOCAL = 'unix:///var/run/docker.sock';

/** Where the docker client itself would connect: DOCKER_HOST, then the current context, then the local socket. */
const engineHost = (env: NodeJS.ProcessEnv): string => env.DOCKER_HOST || contextHost(env) || LOCAL;

export function engineAddress(env: NodeJS.ProcessEnv): { label: string; local: boolean; options: Docker.DockerOptions } {
  const label = engineHost(env);
  const [, scheme = '', rest = ''] = /^(\w+):\/\/(.*)$/.exec(label) ?? [];
  if (scheme === 'unix') return { label: rest, local: true, options: { socketPath: rest } };
  // dockerode reads DOCKER_HOST and DOCKER_CERT_PATH itself for a remote engine.
  if (scheme === 'tcp' || scheme === 'http' || scheme === 'https')
    return { label, local: false, options: env.DOCKER_HOST ? {} : remote(label) };
  throw new UserError(
    'ENGINE_AWAY',
    `medianest cannot reach an engine by ${label}`,
    scheme === 'ssh'
      ? 'run medianest on that machine: containers mount their configuration and secrets from the machine that the engine runs on'
      : 'use the engine of this machine: unset DOCKER_HOST, or `docker context use default`',
  );
}

/**
 * The engine's socket, where it is one of this machine, and the group that may use it. Files are rendered without an engine
 * too: for a socket that does not exist yet, only root's group is assumed, until `up` looks again.
 */
export function localSocket(env: NodeJS.ProcessEnv): { path: string; gid: number } | undefined {
  const [, socket] = /^unix:\/\/(.+)$/.exec(engineHost(env)) ?? [];
  return socket ? { path: socket, gid: statSync(socket, { throwIfNoEntry: false })?.gid ?? 0 } : undefined;
}

function remote(label: string): Docker.DockerOptions {
  const url = new URL(label.replace(/^tcp:/, 'http:'));
  return { host: url.hostname, port: url.port || 2375 };
}

/** The endpoint of `docker context use`, as the client stores it (docker/cli, cli/context/store). */
function contextHost(env: NodeJS.ProcessEnv): string | undefined {
  const folder = env.DOCKER_CONFIG ?? path.join(env.HOME ?? '/', '.docker');
  const config = path.join(folder, 'config.json');
  const name = env.DOCKER_CONTEXT || read<{ currentContext?: string }>(config, 'which Docker context is chosen')?.currentContext;
  if (!name || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = path.join(folder, 'contexts', 'meta', id, 'meta.json');
  const found = read<{ Endpoints?: { docker?: { Host?: string } } }>(meta, `the Docker context ${name}`);
  if (found) return found.Endpoints?.docker?.Host;
  throw new UserError('ENGINE_AWAY', `there is no Docker context ${name} (${meta})`, CHOOSE, { path: meta });
}

const CHOOSE = 'choose another context: docker context use default';

/**
 * Another engine than the one that was chosen must not take its place.
 * @returns undefined where there is none, or an empty one, which is none to docker @throws UserError ENGINE_AWAY where it cannot be read
 */
function read<T>(file: string, what: string): T | undefined {
  try {
    const text = readOptional(file);
    return text?.trim() ? (JSON.parse(text) as T) : undefined;
  } catch (error) {
    const why = error instanceof UserError ? error.message : `${file}: ${(error as Error).message}`;
    throw new UserError('ENGINE_AWAY', `${what} cannot be read: ${why}`, `correct that file, or name the engine: DOCKER_HOST=${LOCAL}`, {
      path: file,
      cause: error,
    });
  }
}
