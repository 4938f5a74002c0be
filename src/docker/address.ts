import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type Docker from 'dockerode';
import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';

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
  const name = env.DOCKER_CONTEXT || read<{ currentContext?: string }>(path.join(folder, 'config.json'))?.currentContext;
  if (!name || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = path.join(folder, 'contexts', 'meta', id, 'meta.json');
  if (exists(meta)) return readHost(meta, name);
  return undefined;
}

/** @throws UserError ENGINE_AWAY where it cannot be read: another engine than the one that was chosen must not take its place */
function readHost(meta: string, name: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(meta, 'utf8')) as { Endpoints?: { docker?: { Host?: string } } }).Endpoints?.docker?.Host;
  } catch (error) {
    throw new UserError(
      'ENGINE_AWAY',
      `the Docker context ${name} cannot be read from ${meta}: ${(error as Error).message}`,
      'correct that file, or choose another context: docker context use default',
      {
        path: meta,
        cause: error,
      },
    );
  }
}

function read<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
