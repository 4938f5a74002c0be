import net from 'node:net';
import os from 'node:os';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { Neighbour } from '../docker/types.ts';
import { memoryFinding } from '../host/plan/machine.ts';
import { isTaken } from '../host/ports.ts';
import { loadInput, loadSettings } from '../project/load-settings.ts';
import { prepare } from '../reconcile/prepare.ts';
import { isPublic, KNOWN, type ProfileFit } from './plan/init.ts';

/** What `init` proposes from. */
export interface Discovered {
  profiles: ProfileFit[];
  neighbours: Neighbour[];
  /** Ports of known programs that something on this host listens on. */
  listening: Set<number>;
  /** The address by which others reach this host, a public one first. */
  address: string;
  publicAddress: string | undefined;
  /** Its name, where it has a full one. */
  hostName: string | undefined;
}

/** Looks at the machine and at what runs on it; nothing is changed. */
export async function discoverHost(context: Context): Promise<Discovered> {
  const addresses = Object.values(os.networkInterfaces())
    .flatMap((entries) => entries ?? [])
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address);
  const publicAddress = addresses.find(isPublic);
  const address = publicAddress ?? addresses[0] ?? '127.0.0.1';
  const engine = await context.engine().catch(() => undefined);
  // By itself: laying out the profiles keeps the program busy, and a connection would seem to take too long.
  const ports = await Promise.all(KNOWN.map(async ({ port }) => ((await answers(address, port)) ? [port] : [])));
  const [info, neighbours, profiles] = await Promise.all([
    engine?.info().catch(() => undefined),
    engine?.neighbours().catch(() => []),
    profileStacks(context),
  ]);
  const memory = info?.memoryBytes ?? os.totalmem();
  const fits = profiles.map(async ({ stack, name, description }): Promise<ProfileFit> => {
    const services = stack.services.filter((service) => !service.oneOff);
    const published = services.flatMap((service) => service.ports);
    const taken = (await Promise.all(published.map(async (port) => ((await isTaken(port.address, port.host)) ? [port.host] : [])))).flat();
    const finding = memoryFinding(stack, memory);
    return {
      name,
      description,
      containers: services.length,
      memoryBytes: services.reduce((sum, service) => sum + service.memoryBytes, 0),
      problem: finding.status !== 'ok' ? finding.message : taken.length > 0 ? `port ${taken.join(' and ')} is in use` : undefined,
    };
  });
  const hostName = os.hostname().toLowerCase();
  return {
    profiles: await Promise.all(fits),
    neighbours: neighbours ?? [],
    listening: new Set(ports.flat()),
    address,
    publicAddress,
    hostName: hostName.includes('.') ? hostName : undefined,
  };
}

/** Each profile that can run, as a stack; what the folder’s own settings say does not count yet. */
async function profileStacks(context: Context) {
  const { listProfiles } = await import('../project/load-settings.ts');
  const input = await loadInput(context);
  const names = listProfiles(input).filter(({ missing }) => missing.length === 0);
  const stacks = await Promise.all(
    names.map(async ({ name, description }) => {
      try {
        const loaded = loadSettings({ ...input, flags: { profile: name, state: context.flags.state } });
        return [{ name, description, stack: (await prepare(context, loaded, { unchecked: true })).stack }];
      } catch (error) {
        if (error instanceof UserError) return [];
        throw error;
      }
    }),
  );
  return stacks.flat();
}

function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 2000 });
    const end = (value: boolean) => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
