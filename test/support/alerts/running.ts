import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { vi } from 'vitest';
import { parse } from 'yaml';
import { Alertmanager } from '../../../src/alerts/alertmanager.ts';
import type { Context, Project } from '../../../src/capability/capability.ts';
import { silent } from '../../../src/core/reporter.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { registry } from '../../../src/services/index.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { docker, HOME } from '../cli.ts';
import { load, rendered, stackOf } from '../settings.ts';
import { PREFIX } from '../workspace.ts';
import { freePort } from './receivers.ts';

/** Alertmanager and the relay in their images, on the loopback of this host, as they are rendered for these settings. */
export interface RunningAlerts {
  alertmanager: Alertmanager;
  /** For what a command does with them. */
  context: Context;
  project: Project;
  config: string;
  image: string;
  destroy(): Promise<void>;
}

async function must(args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.slice(0, 3).join(' ')}: ${stdout}${stderr}`);
  return stdout.trim();
}

/**
 * @param settings YAML of `alerts:`
 * @param faster replacements in Alertmanager's configuration
 * @param trusted a root in PEM that the relay knows besides those of Node.js
 */
export async function runningAlerts(settings: string, faster: readonly [string, string][], trusted = ''): Promise<RunningAlerts> {
  const loaded = load({ flags: { profile: 'dev-compose' }, file: `observability: light\n${settings}` });
  const stack = stackOf(loaded, registry, hashOf as never);
  const { files } = rendered(stack);
  const textOf = (name: string) => files.find((file) => file.path === name)?.contents ?? '';
  const [port, relayPort] = [await freePort(), await freePort()];
  const local = (text: string) =>
    text.replaceAll('10.30.0.86:9093', `127.0.0.1:${port}`).replaceAll('10.30.0.87:9094', `127.0.0.1:${relayPort}`);
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-alerts-'));
  chmodSync(dir, 0o755);
  const config = textOf('alertmanager/alertmanager.yml');
  const put = (folder: string, name: string, text: string) => {
    mkdirSync(path.join(dir, folder), { recursive: true });
    writeFileSync(path.join(dir, folder, name), text);
  };
  put(
    'alertmanager',
    'alertmanager.yml',
    faster.reduce((text, [from, to]) => text.replaceAll(from, to), local(config)),
  );
  const relay = JSON.parse(textOf('alert-relay/relay.json')) as object;
  put('relay', 'relay.json', JSON.stringify({ ...relay, listen: { host: '127.0.0.1', port: relayPort }, caller: '127.0.0.1' }));
  put('trusted', 'root.pem', trusted);
  for (const { name, source } of stack.services.find((service) => service.name === 'alert-relay')?.secrets ?? [])
    if ('given' in source) put('secrets', name, source.given.reveal());
  mkdirSync(path.join(dir, 'secrets'), { recursive: true });
  const { services } = parse(textOf('compose.yml')) as { services: Record<string, { command: string[]; user: string; image: string }> };
  const names = { alertmanager: `${PREFIX}-alertmanager`, relay: `${PREFIX}-alert-relay` };
  const start = async (name: string, service: string, more: readonly string[]) => {
    const { command = [], user = '', image = '' } = services[service] ?? {};
    await docker(['rm', '--force', '--volumes', name]);
    const sealed = ['--network', 'host', '--read-only', '--cap-drop', 'ALL', '--security-opt', 'no-new-privileges', '--user', user];
    const tmp = ['--tmpfs', '/tmp:mode=1777', '--tmpfs', '/run:mode=1777', '--volume', '/var/lib/alertmanager'];
    await must(['run', '--detach', '--init', '--name', name, ...sealed, ...tmp, ...more, image, ...command.map(local)]);
    return image;
  };
  await start(names.relay, 'alert-relay', [
    ...['--volume', `${dir}/relay:/etc/medianest/current:ro`, '--volume', `${dir}/secrets:/run/secrets:ro`],
    ...(trusted ? ['--volume', `${dir}/trusted:/trusted:ro`, '--env', 'NODE_EXTRA_CA_CERTS=/trusted/root.pem'] : []),
  ]);
  const image = await start(names.alertmanager, 'alertmanager', [
    ...['--volume', `${dir}/alertmanager:/etc/medianest/current:ro`, '--env', `ALERTMANAGER=127.0.0.1:${port}`],
  ]);
  const containers = [
    { id: names.alertmanager, service: 'alertmanager', component: 'alertmanager', state: 'running' },
    { id: names.relay, service: 'alert-relay', component: 'alertmanager', state: 'running' },
  ];
  const engine = {
    observe: async () => containers,
    exec: async (id: string, argv: readonly string[]) => {
      const { status, stdout, stderr } = await docker(['exec', id, ...argv]);
      return { exitCode: status, output: stdout + stderr };
    },
  };
  const state = new StateFolder(path.join(dir, 'state'));
  vi.spyOn(state, 'manifest').mockReturnValue({
    files,
    services: stack.services.map(({ name, component, role }) => ({ name, component, ...(role && { role }) })),
  } as never);
  const context = {
    engine: async () => engine,
    clock: { now: () => new Date() },
    signal: new AbortController().signal,
    flags: {},
    report: silent,
  } as unknown as Context;
  const alertmanager = new Alertmanager(engine as never, containers[0] as never, containers[1] as never);
  await vi.waitFor(() => alertmanager.text('GET', '/-/ready'), { timeout: 30_000, interval: 200 });
  return {
    alertmanager,
    context,
    project: { loaded, state },
    config,
    image,
    destroy: async () => {
      await docker(['rm', '--force', '--volumes', ...Object.values(names)]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const hashOf = (context: string): string => hashImageSource(HOME, context);
