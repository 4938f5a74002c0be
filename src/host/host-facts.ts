import { lookup } from 'node:dns/promises';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../core/errors.ts';
import { heldPorts, portKey } from '../docker/plan/held-ports.ts';
import type { Engine, EngineInfo, ObservedContainer } from '../docker/types.ts';
import type { Settings } from '../settings/schema.ts';
import { storageFolder } from '../stack/storage.ts';
import type { Stack } from '../stack/types.ts';
import type { StateFolder } from '../state/state.ts';
import { encryptionSupport } from './fscrypt.ts';
import { ask } from './host-encryption.ts';
import { meminfo } from './host-memory.ts';
import { nearest, storageOf } from './host-storage.ts';
import type { FileFacts, HostFacts, NameFacts, PortFacts } from './plan/facts.ts';
import { isTaken, processOn } from './ports.ts';
import { lackingTpm } from './tpm.ts';

/** Asked whatever the stack is. */
const SETTINGS = ['net.ipv4.ip_forward', 'net.ipv4.ip_unprivileged_port_start'];

const PATIENCE_MS = 1000;

/** What this machine is like, as far as the stack is concerned. Nothing is changed, and nothing waits for longer than a second. */
export async function hostFacts(seen: {
  stack: Stack | undefined;
  settings: Settings | undefined;
  state: StateFolder | undefined;
  engine: Engine | undefined;
  info: EngineInfo | undefined;
  sameMachine: boolean;
  containers: readonly ObservedContainer[];
}): Promise<HostFacts> {
  const { stack, state, info } = seen;
  const memory = meminfo();
  const asked = new Date();
  const [names, ports] = await Promise.all([namesOf(seen.settings, stack), portsOf(stack, seen.containers, seen.engine)]);
  return {
    totalMemory: os.totalmem(),
    availableMemory: seen.sameMachine ? memory.MemAvailable : undefined,
    swapBytes: memory.SwapTotal,
    kernel: kernelSettings(stack),
    storage: {
      ...(info?.rootDir && seen.sameMachine && { engine: storageOf(info.rootDir) }),
      ...(state && { state: storageOf(state.root) }),
    },
    ...(seen.settings?.storage.encrypt && seen.sameMachine && { encrypted: encryptedData(seen.settings) }),
    unwritable: state && unwritable(state.root),
    files: state ? secretFiles(state) : [],
    clock: clockFacts(info, asked),
    resolvers: [...(readText('/etc/resolv.conf') ?? '').matchAll(/^nameserver\s+(\S+)/gm)].map((match) => match[1] as string),
    names,
    addresses: interfaces().map(({ address }) => address),
    ipv6: interfaces().some(({ family, address, internal }) => family === 'IPv6' && !internal && !address.startsWith('fe80:')),
    firewall: firewall(),
    ports,
  };
}

/** Of a folder in the encrypted one, or of the nearest above it that is there. */
function encryptedData(settings: Settings): NonNullable<HostFacts['encrypted']> {
  const folder = storageFolder(settings);
  const there = nearest(folder);
  const lacksTpm = settings.storage.unlock === 'tpm' ? lackingTpm() : undefined;
  return { folder, storage: storageOf(there), support: encryptionSupport(there), ...(lacksTpm && { lacksTpm }) };
}

const interfaces = () => Object.values(os.networkInterfaces()).flatMap((entries) => entries ?? []);

/** @param asked when the engine was asked for its time */
export const clockFacts = (info: EngineInfo | undefined, asked: Date): HostFacts['clock'] => ({
  synchronized: clockIsSet(),
  engineSkewSeconds: info?.time && (info.time.getTime() - asked.getTime()) / 1000,
});

/** `vm.max_map_count` is /proc/sys/vm/max_map_count. */
export function kernelSettings(stack: Stack | undefined): HostFacts['kernel'] {
  const names = [...SETTINGS, ...(stack?.services ?? []).flatMap((service) => (service.kernel ?? []).map(({ setting }) => setting))];
  return Object.fromEntries(
    names.map((name) => {
      const text = readText(`/proc/sys/${name.replaceAll('.', '/')}`);
      return [name, text === undefined ? undefined : Number(text)];
    }),
  );
}

/** Undefined if unknown: no systemd, or a machine whose clock is set from outside. */
function clockIsSet(): boolean | undefined {
  const answer = ask('timedatectl', 'show', '--property=NTPSynchronized', '--value')?.trim();
  return answer === 'yes' ? true : answer === 'no' ? false : undefined;
}

function firewall(): HostFacts['firewall'] {
  if (/^ENABLED=yes$/m.test(readText('/etc/ufw/ufw.conf') ?? '')) return 'ufw';
  return existsSync('/run/firewalld') ? 'firewalld' : undefined;
}

async function namesOf(settings: Settings | undefined, stack: Stack | undefined): Promise<NameFacts[]> {
  const external = Object.entries(settings?.external ?? {}).map(([key, entry]) => [`external.${key}.url`, (entry as { url?: string }).url]);
  const outside = [...external, ['traces.endpoint', settings?.traces.endpoint]].flatMap(([setting, url]) =>
    setting && url ? [{ name: new URL(url).hostname, setting, own: false }] : [],
  );
  const servers = (stack?.services ?? []).flatMap(({ mounts }) => mounts.flatMap(({ nfs }) => (nfs ? [nfs.server] : [])));
  const own = (stack?.urls ?? []).map((url) => ({ name: new URL(url).hostname, setting: 'edge.domains', own: true }));
  const all = [...outside, ...servers.map((name) => ({ name, setting: 'app.media.server', own: false })), ...own];
  const wanted = [...new Map(all.map((entry) => [entry.name, entry])).values()].filter(
    ({ name }) => name !== 'localhost' && net.isIP(name.replace(/^\[|\]$/g, '')) === 0,
  );
  return Promise.all(
    wanted.map(async (entry) => {
      const found = lookup(entry.name, { all: true }).then(
        (list) => list.map(({ address }) => address),
        () => [],
      );
      const addresses = await Promise.race([found, sleep(PATIENCE_MS, [], { ref: false })]);
      return { ...entry, addresses: [...new Set(addresses)] };
    }),
  );
}

/** The ports that the stack is to have, and who has them now. */
export async function portsOf(
  stack: Stack | undefined,
  containers: readonly ObservedContainer[],
  engine: Engine | undefined,
): Promise<PortFacts[]> {
  const published = (stack?.services ?? []).flatMap(({ name, ports, front }) => [
    ...ports.map((port) => ({ ...port, service: name, by: undefined })),
    ...(front?.ports ?? []).map((port) => ({ ...port, service: name, by: `of the Compose project ${front?.name}` })),
  ]);
  const own = heldPorts(containers, published);
  return Promise.all(
    published.map(async ({ address, host: port, setting, protocol, by }) => {
      // What shares its ports from the next `up` on publishes them itself until then.
      const held =
        by === undefined
          ? own.has(portKey(port, protocol))
          : containers.some(({ ports }) => ports.some(({ host, udp }) => host === port && !udp));
      const taken = !held && (await isTaken(address, port, protocol));
      const owner = taken
        ? ((await engine?.portOwner(port, protocol)) ?? processOn(port, protocol) ?? 'another program (run as root to see which)')
        : undefined;
      // The front has them for all of its projects.
      const ours = held || (by !== undefined && owner?.endsWith(by) === true);
      return { address, port, setting, ours, takenBy: ours ? undefined : owner };
    }),
  );
}

function unwritable(root: string): HostFacts['unwritable'] {
  const there = nearest(root);
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return { path: there, code: systemCode(error) ?? 'EACCES' };
  }
}

/** Files with secrets in the state folder, with the widest mode allowed. */
function secretFiles(state: StateFolder): FileFacts[] {
  const wanted = [
    { path: state.at('secrets.json'), what: 'the secrets', most: 0o600 },
    { path: state.at('ca', 'root.json'), what: 'the key of the internal CA', most: 0o600 },
  ];
  return wanted.flatMap((entry) => {
    try {
      return [{ ...entry, mode: statSync(entry.path).mode & 0o777 }];
    } catch {
      return [];
    }
  });
}

function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
