import type { Service, Stack } from '../../stack/types.ts';
import { type HostFacts, isProblem } from './facts.ts';
import { bytes, type Examination, type Finding, fail, ok, warn } from './finding.ts';
import { groupTooLarge } from './group-memory.ts';
import { pulledBytes } from './pulls.ts';
import { restTooLarge } from './resting-memory.ts';

/** Limits may add up to more than there is, but not to what could never run. */
export const OVERCOMMIT = 4;

const wanted = (stack: Stack): Service[] => stack.services.filter((service) => !service.oneOff);
const limits = (services: readonly Service[]): number => services.reduce((sum, service) => sum + service.memoryBytes, 0);

/** Components that no other one needs and that are no way in, the largest first: what can be switched off. */
function dispensable(stack: Stack): { component: string; bytes: number }[] {
  const needed = new Set(stack.services.flatMap((service) => service.after));
  const components = [...new Set(wanted(stack).map((service) => service.component))];
  return components
    .filter((component) =>
      stack.services.every((service) => service.component !== component || (!needed.has(service.name) && service.ports.length === 0)),
    )
    .map((component) => ({ component, bytes: limits(wanted(stack).filter((service) => service.component === component)) }))
    .sort((a, b) => b.bytes - a.bytes);
}

function lessMemory(stack: Stack, excess: number): string {
  const off: string[] = [];
  let freed = 0;
  for (const entry of dispensable(stack)) {
    if (freed >= excess) break;
    off.push(entry.component);
    freed += entry.bytes;
  }
  const without = off.length > 0 ? `switch off what you can do without (--without ${off.join(',')} frees ${bytes(freed)}), ` : '';
  return `${without}use fewer replicas (app.replicas), or smaller memory limits (\`memory:\` of each service)`;
}

/** Whether the machine's memory suffices for the containers at their limits. */
export function memoryFinding(stack: Stack, totalBytes: number): Finding {
  const services = wanted(stack);
  const group = groupTooLarge(services, totalBytes);
  if (group) return fail('memory', group.message, group.remedy);
  const resting = restTooLarge(services, totalBytes);
  if (resting) return fail('memory', resting.message, resting.remedy);
  const second = limits(services.filter(({ rolling }) => rolling?.strategy === 'blue-green'));
  const sum = limits(services) + second;
  const beside = second > 0 ? `, the second set of a blue-green deploy (${bytes(second)}) included` : '';
  const text = `${services.length} ${services.length === 1 ? 'container' : 'containers'} may use up to ${bytes(sum)} together${beside}, and this machine has ${bytes(totalBytes)}`;
  const one = second > 0 && sum - second <= totalBytes * OVERCOMMIT ? '`app.strategy: rolling` or `recreate` needs one set only; or ' : '';
  if (sum > totalBytes * OVERCOMMIT) return fail('memory', text, one + lessMemory(stack, sum - totalBytes * OVERCOMMIT));
  if (sum > totalBytes) return warn('memory', text, lessMemory(stack, sum - totalBytes));
  return ok('memory', text);
}

/** A quarter of the limits: what is used at rest, and a little more. */
const AT_REST = 0.25;

export const examineMemory: Examination = ({ stack, engine, host, runningServices }) => {
  if (!stack || isProblem(engine)) return [];
  const finding = memoryFinding(stack, engine.memoryBytes);
  const starting = wanted(stack).filter((service) => !runningServices.has(service.name));
  const needs = limits(starting) * AT_REST;
  if (finding.status !== 'ok' || host.availableMemory === undefined || host.availableMemory >= needs) return [finding];
  return [
    warn(
      'memory',
      `${bytes(host.availableMemory)} of memory is free, and what is not running yet needs about ${bytes(needs)}`,
      'end other programs, or see what uses it: ps aux --sort=-rss | head',
    ),
  ];
};

/** What one built image takes, with the layers that its build leaves. */
const IMAGE_BYTES = 400 * 1024 ** 2;
/** Disk space for data, logs and WAL. */
const ROOM_BYTES = 2 * 1024 ** 3;
const FULL = 0.9;

function imagesBytes(stack: Stack | undefined, missing: readonly string[]): number {
  const pulled = (stack?.images ?? []).filter((image) => image.pulled && missing.includes(image.ref));
  return pulledBytes(pulled) + (missing.length - pulled.length) * IMAGE_BYTES;
}

export const examineDisk: Examination = ({ host, missingImages, stack }) =>
  Object.values(host.storage)
    .filter((storage) => storage !== undefined)
    .filter((storage, index, all) => all.findIndex(({ point }) => point === storage.point) === index)
    .flatMap((storage) => {
      const id = `disk.${storage === host.storage.engine ? 'engine' : 'state'}`;
      const needs = storage === host.storage.engine ? imagesBytes(stack, missingImages) + ROOM_BYTES / 4 : 64 * 1024 ** 2;
      const text = `${bytes(storage.freeBytes)} of ${bytes(storage.sizeBytes)} is free below ${storage.path}`;
      const remedy = 'free some space: `docker system df` shows what takes it, `docker image prune` removes what nothing uses';
      if (storage.freeBytes < needs) return fail(id, `${text}; about ${bytes(needs)} is needed`, remedy);
      if (storage.freeFiles !== undefined && storage.freeFiles < 10_000)
        return fail(
          id,
          `${storage.point} has room for only ${storage.freeFiles} more files, whatever their size`,
          'remove many small files (df --inodes)',
        );
      if (1 - storage.freeBytes / storage.sizeBytes > FULL || storage.freeBytes < ROOM_BYTES) return warn(id, text, remedy);
      return ok(id, text);
    });

export const examineKernel: Examination = ({ host, stack }) => (stack ? kernelFindings(stack, host.kernel) : []);

export function kernelFindings(stack: Stack, kernel: HostFacts['kernel']): Finding[] {
  const needs = stack.services.flatMap((service) => service.kernel ?? []);
  const bySetting = [...new Map(needs.map((need) => [need.setting, need])).values()];
  return bySetting.flatMap(({ setting, atLeast, why, must }) => {
    const value = kernel[setting];
    if (value === undefined) return [];
    if (value >= atLeast) return ok(`kernel.${setting}`, `${setting} is ${value}`);
    const judge = must ? fail : warn;
    return judge(`kernel.${setting}`, `${setting} is ${value}, and should be ${atLeast}: ${why}`, `sudo sysctl -w ${setting}=${atLeast}`, {
      kind: 'sysctl',
      setting,
      value: atLeast,
    });
  });
}

/** WireGuard of the kernel does without it; whether the kernel has that, only the container finds out. OpenVPN always needs it. */
export const examineTunnel: Examination = ({ stack }) => {
  const without = stack?.services.find(({ view }) => view.tun === false);
  if (!without) return [];
  return without.view.openvpn === true
    ? [fail('vpn.tun', 'there is no /dev/net/tun, which OpenVPN needs', 'sudo modprobe tun')]
    : [warn('vpn.tun', 'there is no /dev/net/tun: the VPN works only if the kernel has WireGuard itself', 'sudo modprobe tun')];
};

/** Beyond it, sessions, certificates and one-time passwords are judged wrongly. */
const SKEW_SECONDS = 5;

export const examineClock: Examination = ({ host: { clock } }) => clockFindings(clock);

export function clockFindings(clock: HostFacts['clock']): Finding[] {
  if (clock.engineSkewSeconds !== undefined && Math.abs(clock.engineSkewSeconds) > SKEW_SECONDS) {
    return [
      fail(
        'clock',
        `the engine’s clock is ${Math.round(clock.engineSkewSeconds)} s away from this machine’s`,
        'set both by NTP, or restart the virtual machine that the engine runs in',
      ),
    ];
  }
  if (clock.synchronized === false) {
    return [
      warn(
        'clock',
        'the clock is not set by the network: certificates and one-time passwords depend on it',
        'sudo timedatectl set-ntp true, or install chrony',
      ),
    ];
  }
  if (clock.synchronized) return [ok('clock', 'the clock is set by the network')];
  return clock.engineSkewSeconds === undefined ? [] : [ok('clock', 'the engine’s clock and this machine’s agree')];
}
