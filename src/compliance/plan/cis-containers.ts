import { isEveryAddress } from '../../core/ip-address.ts';
import type { ContainerSecurity } from '../../docker/security-types.ts';
import { isFound } from './evidence.ts';
import { asked, byHand, everyContainer, fixOf, met, names, notApplicable, OVERRIDE, open, type Row, row } from './point.ts';

/** What the benchmark calls sensitive, what leads to the same (`/bin`), and where the engine has its data: who writes there has the host. */
const SENSITIVE = [
  ...['/bin', '/boot', '/dev', '/etc', '/lib', '/lib64', '/proc', '/root', '/sbin', '/sys', '/usr'],
  ...['/var/lib/docker', '/var/lib/containerd', '/var/lib/containers'],
];

/** Such a folder, what is in it, or a folder that it is in. */
const isSensitive = (source: string): boolean => {
  const within = (inner: string, outer: string) => `${inner}/`.startsWith(outer.replace(/\/*$/, '/'));
  return SENSITIVE.some((folder) => within(source, folder) || within(folder, source));
};

const hostMounts = ({ mounts }: ContainerSecurity) => mounts.filter(({ host }) => host);

/** The state folder is below the project's, which may be in `/root`. */
const isSystem = ({ source, own }: ContainerSecurity['mounts'][number]): boolean => !own && isSensitive(source);

/** The engine's socket has a point of its own. */
const sensitiveMounts = (container: ContainerSecurity): string =>
  hostMounts(container)
    .filter(isSystem)
    .map(({ source, writable }) => `${source}${writable ? '' : ' read-only'}`)
    .join(', ');

/** Other folders of the host are no fault, and are evidence where a container can write to them. */
const systemFolders = (row: Row): Row => ({
  ...row,
  judge: (seen) => {
    const judged = row.judge(seen);
    if (!isFound(seen.containers)) return judged;
    const writable = seen.containers.value.flatMap((one) =>
      hostMounts(one)
        .filter((mount) => mount.writable && !isSystem(mount))
        .map(({ source }) => `${one.name} (${source})`),
    );
    return { ...judged, evidence: `${judged.evidence}; folders of the host to write to: ${names(writable) || 'none'}` };
  },
});

const SOCKET_FOLDERS = /^\/(var\/?)?$|^\/(var\/)?run(\/(docker|podman|containerd|user(\/\d+)?))?\/?$/;

/** Mounts of the engine's socket itself, or of a folder that it is in. */
const engineMounts = (container: ContainerSecurity): string[] =>
  hostMounts(container)
    .map(({ source }) => source)
    .filter((source) => /\/(docker|podman|containerd|engine)[^/]*\.sock$/.test(source) || SOCKET_FOLDERS.test(source));

const published = (all: readonly ContainerSecurity[]) => all.flatMap(({ name, ports }) => ports.map((port) => ({ name, ...port })));

const appArmor = row('5.2', 'AppArmor confines each container', ['engine', 'containers'], ({ engine, containers }) => {
  if (!engine.appArmor) return notApplicable('this kernel or engine has no AppArmor');
  const bare = containers.filter((one) => one.running && (one.appArmor === '' || one.appArmor === 'unconfined'));
  return bare.length > 0
    ? open(
        `without a profile: ${names(bare.map(({ name }) => name))}`,
        'remove `apparmor=unconfined` from compose.override.yml, then `medianest up`',
      )
    : met(`profile ${names(containers.map((one) => one.appArmor).filter(Boolean)) || 'docker-default'}`);
});

const selinux = row('5.3', 'SELinux confines each container', ['engine', 'containers'], ({ engine, containers }) => {
  if (!engine.selinux) return notApplicable('the engine runs without SELinux');
  const bare = containers.filter(({ running, processLabel }) => running && processLabel === '');
  return bare.length > 0
    ? open(
        `without a label: ${names(bare.map(({ name }) => name))}`,
        'remove `label=disable` from compose.override.yml, then `medianest up`',
      )
    : met('each container has a label');
});

const SSH = { bastion: { why: 'the bastion is an SSH server, which forwards to listed services alone' } };

/** Section 5: how each container of the stack runs. */
export const CIS_CONTAINERS: readonly Row[] = [
  row('5.1', 'Swarm mode is off', ['engine'], ({ engine }) =>
    engine.swarm
      ? open('the engine is part of a swarm, which this stack does not use', '`docker swarm leave`, unless others need it')
      : met('swarm is inactive'),
  ),
  appArmor,
  selinux,
  everyContainer(
    '5.4',
    'Containers have no capabilities that they do not need',
    ({ capAdd, capDrop }) => (capDrop.includes('ALL') ? capAdd.join(', ') : 'the engine’s defaults'),
    'all capabilities dropped, none added',
    OVERRIDE,
    {
      vpn: {
        why: 'the VPN sets up its own interface (NET_ADMIN), and starts OpenVPN as another user (SETGID, SETUID)',
        needs: ['NET_ADMIN', 'SETGID', 'SETUID'],
      },
      suricata: { why: 'Suricata reads packets (NET_RAW)', needs: ['NET_RAW'] },
    },
  ),
  everyContainer('5.5', 'No container is privileged', ({ privileged }) => privileged, 'none is privileged'),
  systemFolders(
    everyContainer(
      '5.6',
      'No folders of the host’s system are mounted',
      sensitiveMounts,
      'none mounts one',
      'a read-only mount for node-exporter is how it measures the host: accept it, or `components: { node-exporter: false }`; any other: remove it from compose.override.yml',
    ),
  ),
  row('5.7', 'No SSH server runs in a container', ['containers'], ({ containers }) => {
    const running = containers.filter(({ running: now }) => now);
    const bad = running.filter(({ programs }) => programs?.some((name) => /^(sshd|dropbear)/.test(name)));
    if (bad.length > 0) {
      const fixes = new Set(bad.map(({ service }) => fixOf(service, 'remove it from the image: `medianest exec` opens a shell', SSH)));
      return open(names(bad.map(({ name }) => name)), [...fixes].join('; '));
    }
    const unseen = running.filter(({ programs }) => programs === undefined);
    if (unseen.length > 0)
      return { verdict: 'cannot-tell', evidence: `the engine does not list the processes of ${names(unseen.map(({ name }) => name))}` };
    return met(`no sshd among the processes of ${running.length} containers`);
  }),
  everyContainer(
    '5.8',
    'No port below 1024 is published',
    ({ ports }) => names(ports.filter(({ host }) => host < 1024).map(({ host }) => String(host))),
    'none does',
    'visitors expect 80 and 443: accept them, or set `edge.httpPort` and `edge.httpsPort` above 1023 and let a router map them (`edge.publicPort`)',
  ),
  row('5.9', 'Only the ports are published that the stack needs', ['containers', 'wantedPorts'], ({ containers, wantedPorts }) => {
    const all = containers.filter(({ publishesAll }) => publishesAll).map(({ name }) => `${name} (all)`);
    const more = published(containers).filter(({ host }) => !wantedPorts.includes(host));
    const bad = [...all, ...more.map(({ name, host }) => `${name} (${host})`)];
    if (bad.length > 0) return open(`beyond the settings: ${names(bad)}`, 'remove them from compose.override.yml, then `medianest up`');
    return met(
      `${
        names(
          published(containers).map(({ host }) => String(host)),
          20,
        ) || 'no port'
      }, as the settings say`,
    );
  }),
  everyContainer('5.10', 'No container uses the host’s network', ({ networkMode }) => networkMode === 'host', 'none does'),
  everyContainer('5.11', 'Memory is limited', ({ memory }) => memory <= 0, 'each has a limit'),
  everyContainer('5.12', 'Processor time is limited', ({ limitsCpu }) => !limitsCpu, 'each has a limit or weight'),
  everyContainer('5.13', 'The root file system is read-only', ({ readOnlyRoot }) => !readOnlyRoot, 'read-only'),
  row('5.14', 'Ports are published on a certain address', ['containers'], ({ containers }) => {
    const wide = published(containers).filter(({ address }) => isEveryAddress(address));
    return wide.length > 0
      ? open(
          `on every address of this host: ${names(wide.map(({ name, host }) => `${name} ${host}`))}`,
          'set `edge.address` to the address that visitors use; who may reach it says `firewall` (docs/firewall.md)',
        )
      : met(names(published(containers).map(({ address, host }) => `${address}:${host}`)) || 'no port is published');
  }),
  everyContainer(
    '5.15',
    'A container that keeps failing is given up after five attempts',
    ({ restart }) => (restart === 'no' || /^on-failure:[1-5]$/.test(restart) ? undefined : restart),
    'on-failure with at most five attempts',
    'none: with `on-failure` a container would stay away after the host or the engine has crashed; `health` and the alerts tell of one that fails again and again',
  ),
  everyContainer('5.16', 'No container sees the host’s processes', ({ pidMode }) => pidMode === 'host', 'none does'),
  everyContainer('5.17', 'No container shares the host’s IPC', ({ ipcMode }) => ipcMode === 'host', 'none does'),
  everyContainer('5.18', 'No device of the host is handed in', ({ devices }) => devices.join(', '), 'none has one', OVERRIDE, {
    vpn: { why: 'the VPN needs /dev/net/tun', needs: ['/dev/net/tun'] },
  }),
  everyContainer(
    '5.19',
    'Limits of a container’s own are set where the default does not fit',
    ({ ulimits }) => !ulimits.includes('nofile'),
    'open files are limited',
  ),
  everyContainer(
    '5.20',
    'Mounts are not propagated to the host',
    ({ mounts }) => names(mounts.filter(({ propagation }) => /^r?shared$/.test(propagation)).map(({ target }) => target)),
    'none is shared',
  ),
  everyContainer('5.21', 'No container shares the host’s UTS namespace', ({ utsMode }) => utsMode === 'host', 'none does'),
  everyContainer(
    '5.22',
    'The seccomp profile is in force',
    ({ securityOptions, privileged }) => privileged || securityOptions.some((option) => /^seccomp[=:]unconfined$/.test(option)),
    'none is unconfined',
  ),
  asked(
    '5.23',
    '`docker exec` is not used with --privileged',
    'the engine keeps no record: look with ausearch, where the audit watches docker; `medianest exec` never does',
  ),
  asked(
    '5.24',
    '`docker exec` is not used with --user=root',
    'the engine keeps no record: look with ausearch, where the audit watches docker; `medianest exec` never does',
  ),
  everyContainer('5.25', 'Containers are in the engine’s cgroup', ({ cgroupParent }) => cgroupParent, 'none names another'),
  everyContainer(
    '5.26',
    'no-new-privileges is set',
    ({ securityOptions }) => !securityOptions.some((option) => /^no-new-privileges(:true)?$/.test(option)),
    'set',
  ),
  everyContainer(
    '5.27',
    'Health is checked',
    ({ checksHealth }) => !checksHealth,
    'each has a health check',
    'give it a `healthcheck` in compose.override.yml, or `app.health` (docs/app-contract.md)',
  ),
  row('5.28', 'The newest version of each image is used', ['containers'], ({ containers }) =>
    byHand(`${names(containers.map(({ image }) => image))}: \`medianest images outdated\` tells which packages are newer`),
  ),
  everyContainer('5.29', 'Processes are limited', ({ pids }) => pids <= 0, 'each has a limit'),
  everyContainer(
    '5.30',
    'The default bridge is not used',
    ({ networks, networkMode }) => networks.includes('bridge') || networkMode === 'bridge',
    'none is on it',
  ),
  everyContainer(
    '5.31',
    'No container shares the host’s users where others are remapped',
    ({ usernsMode }) => usernsMode === 'host',
    'none does',
  ),
  row('5.32', 'The engine’s socket is in no container', ['containers'], ({ containers }) => {
    const having = containers.flatMap((one) => engineMounts(one).map((source) => `${one.name} (${source})`));
    if (having.length === 0) return met(`no mount of ${containers.length} containers is one`);
    return open(
      `mounted by ${names(having)}`,
      'engine-proxy has it so that no other container needs it, has no network, and passes only what the agent needs; node-exporter has the whole host read-only, as a user that may not use the socket: accept both, or `components: { agent: false, engine-proxy: false, node-exporter: false }`; any other: remove the mount from compose.override.yml, then `medianest up`',
    );
  }),
];
