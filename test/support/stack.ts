import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { docker, type Run, type RunOptions } from './cli.ts';
import type { Workspace } from './workspace.ts';

export interface Answer {
  status: number;
  headers: http.IncomingHttpHeaders;
  body: string;
}

/** One request on a connection of its own, so that none is spoilt by a connection that was closed while idle. */
export function request(url: string, options: https.RequestOptions & { body?: unknown } = {}): Promise<Answer> {
  const { body, ...rest } = options;
  const payload = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const usual = {
    connection: 'close',
    ...(payload && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
  };
  // As a browser does with what changes something.
  const headers = { ...(rest.method && rest.method !== 'GET' && { origin: new URL(url).origin }), ...(rest.headers ?? usual) };
  return new Promise((resolve, reject) => {
    const client = url.startsWith('https:') ? https : http;
    const call = client.request(url, { agent: false, timeout: 5000, ...rest, headers }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    call.on('timeout', () => call.destroy(new Error(`${url} did not answer in 5 s`)));
    call.on('error', reject);
    call.end(payload);
  });
}

/** The portal behind the edge, trusted by the installation's own root alone. */
export const portal = (workspace: Workspace, url: string, options: https.RequestOptions & { body?: unknown } = {}): Promise<Answer> =>
  request(`https://localhost:${workspace.httpsPort}${url}`, {
    family: 4,
    ca: readFileSync(path.join(workspace.state, 'ca', 'root.crt')),
    ...options,
  });

/** The portal of the profile dev. */
export const devPortal = (workspace: Workspace, url: string, options: https.RequestOptions & { body?: unknown } = {}): Promise<Answer> =>
  request(`http://127.0.0.1:${workspace.devPort}${url}`, options);

/** The portal is alive before it has reached its database: readiness is what a balancer would wait for. */
export const ready = (call: typeof portal, workspace: Workspace): Promise<void> =>
  until('the portal is ready', async () => (await call(workspace, '/api/health/ready')).status === 200, 10);

/** Makes a media request; its title is what tells later whether the data is still there. */
export async function ask(call: typeof portal, workspace: Workspace, title: string): Promise<void> {
  await ready(call, workspace);
  const made = await call(workspace, '/api/requests', { method: 'POST', body: { title, kind: 'movie' } });
  if (made.status !== 201) throw new Error(`the request was not made: ${made.status} ${made.body}`);
}

export async function titles(call: typeof portal, workspace: Workspace): Promise<string[]> {
  await ready(call, workspace);
  const { body } = await call(workspace, '/api/requests');
  return (JSON.parse(body) as { items: { title: string }[] }).items.map((item) => item.title);
}

export interface Container {
  id: string;
  name: string;
  service: string;
  state: string;
  startedAt: string;
  health: string;
}

/** Every container of a Compose project, running or not, sorted by name. */
export async function containers(project: string): Promise<Container[]> {
  const listed = await docker(['ps', '--all', '--quiet', '--no-trunc', '--filter', `label=com.docker.compose.project=${project}`]);
  const ids = listed.stdout.split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  const { stdout } = await docker(['inspect', ...ids]);
  type Inspected = {
    Id: string;
    Name: string;
    Config: { Labels: Record<string, string> };
    State: { Status: string; StartedAt: string; Health?: { Status: string } };
  };
  return (JSON.parse(stdout) as Inspected[])
    .map(({ Id, Name, Config, State }) => ({
      id: Id,
      name: Name.slice(1),
      service: Config.Labels['com.docker.compose.service'] ?? '',
      state: State.Status,
      startedAt: State.StartedAt,
      health: State.Health?.Status ?? 'none',
    }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Service -> id and start time: equal before and after means that nothing was recreated or restarted. */
export async function identities(project: string): Promise<Record<string, string>> {
  return Object.fromEntries((await containers(project)).map((entry) => [entry.service, `${entry.id} ${entry.startedAt}`]));
}

/** The services whose containers differ between two observations. */
export const changedServices = (before: Record<string, string>, after: Record<string, string>): string[] =>
  [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((name) => before[name] !== after[name]).sort();

export interface AuditLine {
  user: string;
  command: string;
  result: string;
  error?: string;
}

export function audit(workspace: Workspace): AuditLine[] {
  const file = path.join(workspace.state, 'audit.jsonl');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditLine);
}

export const parsed = <T>(run: Run): T => JSON.parse(run.stdout) as T;

export interface JsonError {
  error: { code: string; message: string; hint: string; path?: string };
}

/** Waits until something holds. @throws Error naming it when it does not within the time */
export async function until(what: string, holds: () => Promise<boolean> | boolean, seconds = 30): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await Promise.resolve(holds()).catch(() => false))) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await sleep(50);
  }
}

/** Asks again and again while something happens; `stop` gives every answer that was not 200. */
export function keepAsking(call: () => Promise<Answer>): { stop(): Promise<{ asked: number; failed: string[] }> } {
  let going = true;
  let asked = 0;
  const failed: string[] = [];
  const loop = (async () => {
    while (going) {
      asked++;
      await call().then(
        ({ status }) => status === 200 || failed.push(String(status)),
        (error: Error) => failed.push(error.message),
      );
      await sleep(10);
    }
  })();
  return {
    stop: async () => {
      going = false;
      await loop;
      return { asked, failed };
    },
  };
}

/** Starts `up` and does something to it as soon as its progress shows a word; resolves with its end. */
export async function upUntil(
  workspace: Workspace,
  word: RegExp,
  act: (child: ChildProcess) => void,
  options: RunOptions = {},
): Promise<Run & { acted: boolean }> {
  let acted = false;
  const run = await workspace.run(['up', '--verbose'], {
    ...options,
    onSpawn: (child) => {
      let seen = '';
      child.stderr?.on('data', (chunk: Buffer) => {
        seen += chunk;
        if (acted || !word.test(seen)) return;
        acted = true;
        act(child);
      });
    },
  });
  return { ...run, acted };
}

/** A process that goes on until the test stops it by its id. */
export async function background(command: string, args: readonly string[], ready: RegExp): Promise<{ pid: number; stop(): Promise<void> }> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.stdout.on('data', (chunk: Buffer) => ready.test(String(chunk)) && resolve());
  });
  return {
    pid: child.pid as number,
    stop: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
