import type { ComposeService } from './compose-project.ts';

/** Keys of Compose that a service of this stack cannot have, and why. */
const REFUSED: readonly (readonly [string, (value: unknown) => boolean, string])[] = [
  ['privileged', (value) => value === true, 'privileged: it would be root on this host; containers here have no capability at all'],
  [
    'network_mode',
    (value) => typeof value === 'string' && value !== 'bridge',
    'network_mode: it is in networks of the stack alone, with fixed addresses; ports are published by the edge',
  ],
  ['pid', (value) => value !== undefined, 'pid: it would see processes outside its container'],
  ['ipc', (value) => value !== undefined && value !== 'private', 'ipc: it would share memory outside its container'],
  ['userns_mode', (value) => value !== undefined, 'userns_mode: the engine decides'],
  ['devices', isFull, 'devices: none are handed on; a compose.override.yml in the state folder can add them at your own risk'],
  ['device_cgroup_rules', isFull, 'device_cgroup_rules: none are handed on'],
  ['cap_add', isFull, 'cap_add: containers here have no capability; a port below 1024 needs none, because the edge publishes'],
  ['sysctls', isFull, 'sysctls: the kernel of a container stays as it is'],
  ['extra_hosts', isFull, 'extra_hosts: names of hosts outside go into app.egress'],
  ['dns', isFull, 'dns: names are resolved by the engine'],
  ['gpus', isFull, 'gpus: none are handed on'],
  ['runtime', (value) => typeof value === 'string' && value !== '', 'runtime: the engine’s own is used'],
  ['configs', isFull, 'configs: files of configuration are built into the image, or handed as variables'],
  ['external_links', isFull, 'external_links: other projects are reached by app.egress'],
  ['volumes_from', isFull, 'volumes_from: name its volumes in app.volumes'],
  ['entrypoint', isFull, 'entrypoint: the image’s own is kept; app.command replaces its command alone'],
  ['working_dir', (value) => typeof value === 'string', 'working_dir: the image’s own is kept'],
  ['cgroup_parent', (value) => value !== undefined, 'cgroup_parent: the engine decides'],
];

function isFull(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return typeof value === 'object' && value !== null ? Object.keys(value).length > 0 : typeof value === 'string' && value !== '';
}

/** @returns one line for each key of a service that is not taken */
export const refusalsOf = ({ name, raw }: ComposeService): string[] => [
  ...REFUSED.flatMap(([key, applies, why]) => (applies(raw[key]) ? [`${name}: ${why}`] : [])),
  ...(Array.isArray(raw.security_opt) && raw.security_opt.some((option) => /unconfined|label.?disable/.test(String(option)))
    ? [`${name}: security_opt: nothing here runs unconfined`]
    : []),
];
