import { createHash } from 'node:crypto';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { docker, HOME, type Run, run } from '../cli.ts';
import { blocks } from '../doc-blocks.ts';
import { kinds, loadOn, under } from '../load/load.ts';
import { destroyProd, said } from '../load/load-stack.ts';
import { nodeReleases } from '../nodes.ts';
import { containers, until } from '../stack.ts';
import { type Workspace, workspace } from '../workspace.ts';

/** Applications that others wrote, built from Debian's and npm's packages, and run by the very settings of docs/applications.md. */
const SOURCE = path.join(HOME, 'test/support/real-apps');

/** For what takes a minute, and several where other tests run beside it. */
export const PATIENT = { timeout: 420_000 };

type Settings = Record<string, Record<string, unknown>>;

/** The settings of an application as the document has them. @param note the word behind `yaml` */
function recipe(note: string): Settings {
  const block = blocks().find((entry) => entry.file === 'docs/applications.md' && entry.note === note);
  if (!block) throw new Error(`docs/applications.md has no block yaml ${note}`);
  const { version: _version, profile: _profile, ...settings } = parse(block.text) as Record<string, unknown>;
  return settings as Settings;
}

async function built(name: string, inputs: readonly string[], build: (image: string) => Promise<Run>): Promise<string> {
  const hash = createHash('sha256').update(inputs.join('\0')).digest('hex').slice(0, 8);
  const image = `medianest-test/${name}:${hash}`;
  if ((await docker(['image', 'inspect', image])).status === 0) return image;
  const done = await build(image);
  if (done.status !== 0) throw new Error(`${image}: ${said(done)}`);
  return image;
}

const fileOf = (name: string) => path.join(SOURCE, name);

/** Miniflux of a suite of Debian. @param label what its containers tell apart from others of the same version */
export function minifluxImage(suite: string, label: string): Promise<string> {
  const file = readFileSync(fileOf('miniflux.Dockerfile'), 'utf8');
  return built('miniflux', [file, suite, label], (image) =>
    run('docker', ['build', '--quiet', '--build-arg', `SUITE=${suite}`, '--build-arg', `LABEL=${label}`, '--tag', image, '-'], {
      input: file,
    }),
  );
}

/** What npm installs by a lock file of this folder, on the newest Node.js 22. @param app the Dockerfile @param lock folder of the lock file */
export function npmImage(app: string, lock: string, label: string): Promise<string> {
  const file = fileOf(`${app}.Dockerfile`);
  const sources = ['package-lock.json', 'app.cjs'].map((name) => fileOf(path.join(lock, name))).filter((name) => existsSync(name));
  return built(app, [...[file, ...sources].map((name) => readFileSync(name, 'utf8')), label], async (image) => {
    const node = nodeReleases().find(({ version }) => version.startsWith('22.'));
    if (!node) throw new Error('test/support/nodes has no Node.js 22');
    const context = path.join(HOME, 'test/.tmp', lock);
    cpSync(fileOf(lock), context, { recursive: true });
    const installed = await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--silent'], { cwd: context });
    if (installed.status !== 0 || !existsSync(path.join(context, 'node_modules'))) throw new Error(said(installed));
    cpSync(node.program, path.join(context, 'node'));
    return docker(['build', '--quiet', '--build-arg', `LABEL=${label}`, '--tag', image, '--file', file, context]);
  });
}

/** A stack of staging with one of them. */
export interface RealStack {
  space: Workspace;
  /** Writes the settings, with more of `app`. */
  configure(app?: Record<string, unknown>): void;
  /** Runs medianest, which has to end well. */
  must(...args: string[]): Promise<Run>;
  /** Waits until every check of `health` is ok, and finds that `plan` would change nothing. */
  settled(): Promise<void>;
  /** What a generated secret of `app.secrets` is. */
  secret(name: string): string;
  /** The label of the image that each replica runs. */
  releases(): Promise<string[]>;
  /**
   * Does something at 50 requests/s, none of which may fail.
   * @param fresh each on a connection of its own: nginx closes idle ones when it reloads, and a browser then sends again
   */
  undisturbed<T>(act: () => Promise<T>, fresh?: boolean): Promise<T>;
  destroy(): Promise<void>;
}

/** @param paths what visitors ask for @param more of the settings, over those of the document */
export async function realStack(name: string, image: string, paths: string[], more: Settings = {}): Promise<RealStack> {
  const space = await workspace(`real-${name}`);
  const settings = recipe(name);
  const configure = (app: Record<string, unknown> = {}) =>
    space.configure({
      profile: 'staging',
      ...settings,
      ...more,
      components: { ...settings.components, ...more.components },
      // All of the load is one client.
      edge: { ...settings.edge, address: '127.0.0.1', rateLimit: false, connectionsPerClient: 0 },
      app: { ...settings.app, image, settleSeconds: 1, drainSeconds: 10, ...more.app, ...app },
    });
  configure();
  const must = async (...args: string[]) => {
    const done = await space.run(args);
    expect(done.status, `${args.join(' ')}: ${said(done)}`).toBe(0);
    return done;
  };
  return {
    space,
    configure,
    must,
    settled: async () => {
      await until('every check is ok', async () => (await space.run(['health'])).status === 0, 60);
      expect((await must('plan')).stdout).toContain('Nothing to do');
    },
    secret: (secret) => readFileSync(path.join(space.state, 'secrets', 'app-1', secret), 'utf8').trim(),
    releases: async () => {
      const replicas = (await containers(space.project)).filter(({ service }) => /^app-\d+$/.test(service));
      const { stdout } = await docker(['inspect', '--format', '{{index .Config.Labels "release"}}', ...replicas.map(({ id }) => id)]);
      return stdout.trim().split('\n');
    },
    undisturbed: async (act, fresh = false) => {
      const { result, report } = await under(await loadOn(space, { rate: 50, paths, postEvery: 0, fresh }), async () => {
        const answer = await act();
        await sleep(500);
        return answer;
      });
      console.info(`${report.sent} requests in ${Math.round(report.seconds)} s, ${report.failed} failed, p99 ${report.get.p99} ms`);
      expect(kinds(report.failures)).toEqual({});
      return result;
    },
    destroy: () => destroyProd(space),
  };
}

/** The status of an upgrade to a WebSocket: 101 where the application takes it. */
export const upgraded = ({ httpsPort, state }: Workspace, url: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const call = https.request(`https://localhost:${httpsPort}${url}`, {
      ...{ family: 4, agent: false, timeout: 5000, ca: readFileSync(path.join(state, 'ca', 'root.crt')) },
      headers: {
        ...{ connection: 'Upgrade', upgrade: 'websocket' },
        ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
      },
    });
    const ended = (response: IncomingMessage) => {
      call.destroy();
      resolve(response.statusCode);
    };
    call.on('upgrade', ended).on('response', ended).on('error', reject);
    call.on('timeout', () => call.destroy(new Error(`${url} did not answer in 5 s`)));
    call.end();
  });
