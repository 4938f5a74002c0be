import type { DaemonConfig } from './evidence.ts';
import { byHand, met, names, notApplicable, open, type Row, row } from './point.ts';

/** `daemon.json` has lists where the command line repeats an option. */
const list = (value: DaemonConfig['options'][string] | undefined): string[] =>
  value === undefined ? [] : [value].flat().map((one) => (typeof one === 'object' ? JSON.stringify(one) : String(one)));

const isSet = (value: DaemonConfig['options'][string] | undefined, expected: boolean): boolean => String(value) === String(expected);

const daemonJson = (line: string): string => `write ${line} into /etc/docker/daemon.json, then \`systemctl restart docker\``;

/** Section 2: how the engine is set up. */
export const CIS_DAEMON: readonly Row[] = [
  row('2.1', 'The engine runs without root', ['engine'], ({ engine }) =>
    engine.rootless
      ? met('the engine is rootless')
      : open(
          'the engine runs as root: who breaks out of a container into it owns the host',
          'a rootless engine works too, but sees one address for all visitors (`medianest doctor`); otherwise accept it',
        ),
  ),
  row('2.2', 'Containers on the default bridge cannot reach each other', ['engine'], ({ engine }) =>
    engine.defaultBridgeOpen
      ? open('com.docker.network.bridge.enable_icc is true; nothing of this stack is on that bridge', daemonJson('"icc": false'))
      : met('enable_icc is false'),
  ),
  row('2.3', 'The engine logs at the level info', ['daemon'], ({ daemon: { options, from } }) => {
    const level = String(options['log-level'] ?? (isSet(options.debug, true) ? 'debug' : 'info'));
    return level === 'info' ? met(`info, by ${from}`) : open(`the level is ${level} (${from})`, daemonJson('"log-level": "info"'));
  }),
  row('2.4', 'The engine may write its rules for packets', ['daemon'], ({ daemon: { options, from } }) =>
    isSet(options.iptables, false)
      ? open(
          `iptables is false (${from}): networks of containers are not kept apart`,
          'remove "iptables": false from /etc/docker/daemon.json',
        )
      : met(`nothing in ${from} forbids it`),
  ),
  row('2.5', 'Registries are spoken to over TLS', ['engine'], ({ engine: { insecureRegistries } }) =>
    insecureRegistries.length > 0
      ? open(`without TLS: ${names(insecureRegistries)}`, 'remove them from "insecure-registries" in /etc/docker/daemon.json')
      : met('the engine names none that is spoken to without it, but the loopback'),
  ),
  row('2.6', 'The storage driver aufs is not used', ['engine'], ({ engine }) => notDriver('aufs', engine.storageDriver)),
  row('2.7', 'The storage driver devicemapper is not used', ['engine'], ({ engine }) => notDriver('devicemapper', engine.storageDriver)),
  row(
    '2.8',
    'The engine’s API is reached by TLS with certificates of clients',
    ['engine', 'daemon'],
    ({ engine, daemon: { options, from } }) => {
      const hosts = [...list(options.hosts), ...list(options.host)].filter((host) => /^tcp:/.test(host));
      const warned = engine.warnings.find((warning) => /API is accessible/i.test(warning));
      if (hosts.length === 0 && !warned) return notApplicable(`it listens on no TCP port (${from})`);
      if (isSet(options.tlsverify, true) && !warned) return met(`${names(hosts)} with tlsverify (${from})`);
      return open(
        warned ?? `${names(hosts)} without tlsverify (${from})`,
        'remove tcp:// from "hosts" in /etc/docker/daemon.json, or set "tlsverify": true',
      );
    },
  ),
  row('2.9', 'Open files are limited', ['daemon', 'containers'], ({ daemon: { options }, containers }) => {
    const without = containers.filter(({ ulimits }) => !ulimits.includes('nofile'));
    if (without.length === 0) return met(`each of ${containers.length} containers has a limit of its own`);
    if (options['default-ulimits'] !== undefined || options['default-ulimit'] !== undefined) return met('by the engine’s default');
    return open(`without a limit: ${names(without.map(({ name }) => name))}`, daemonJson('"default-ulimits"'));
  }),
  row('2.10', 'Users of containers are others on the host', ['engine'], ({ engine }) =>
    engine.rootless || engine.remapped
      ? met(engine.rootless ? 'the engine is rootless' : 'userns-remap')
      : open(
          'uid 10001 inside is uid 10001 outside',
          'none with this engine: secrets are given to users of containers by their number, so userns-remap is refused (`medianest doctor`); a rootless engine does it',
        ),
  ),
  row('2.11', 'Containers are in the engine’s own cgroup', ['daemon'], ({ daemon: { options, from } }) =>
    options['cgroup-parent'] === undefined
      ? met(`${from} names no other`)
      : byHand(`it is ${list(options['cgroup-parent'])[0]} (${from}): is that meant?`),
  ),
  row('2.12', 'The size of a container’s base device is the default', ['engine', 'daemon'], ({ engine, daemon: { options } }) => {
    if (engine.storageDriver !== 'devicemapper') return notApplicable(`the storage driver is ${engine.storageDriver}`);
    const sized = list(options['storage-opts']).find((option) => option.startsWith('dm.basesize'));
    return sized ? open(sized, 'remove it from "storage-opts" in /etc/docker/daemon.json') : met('no dm.basesize is set');
  }),
  row('2.13', 'Requests to the engine are authorized one by one', ['engine'], ({ engine: { authorizationPlugins } }) =>
    authorizationPlugins.length > 0
      ? met(names(authorizationPlugins))
      : open(
          'no authorization plugin: who may use the socket may do everything',
          'add one to "authorization-plugins", or keep the group docker empty; the agent of this stack passes engine-proxy, which lets through only what it needs',
        ),
  ),
  row('2.14', 'Logs are kept at one place, off this host', ['logs'], ({ logs: { store, problem, remote } }) => {
    if (problem) return open(problem, '`medianest health` says more');
    if (remote) return met(`the agent ships all lines to ${store}`);
    return store === 'off'
      ? open('each container has its own log on this host alone', 'set `logs.store` and `logs.url` (docs/logs.md)')
      : open(
          `all lines are kept, but on this host alone (${store})`,
          'set `logs.store: elasticsearch` or `victorialogs` with `logs.url` (docs/logs.md)',
        );
  }),
  row('2.15', 'Containers cannot gain privileges', ['engine', 'containers'], ({ engine, containers }) => {
    if (engine.noNewPrivileges) return met('the engine sets no-new-privileges for every container');
    const without = containers.filter(
      ({ securityOptions }) => !securityOptions.some((option) => /^no-new-privileges(:true)?$/.test(option)),
    );
    return without.length === 0
      ? met(`each of ${containers.length} containers has no-new-privileges, though the engine does not ask for it`)
      : open(`without it: ${names(without.map(({ name }) => name))}`, daemonJson('"no-new-privileges": true'));
  }),
  row('2.16', 'Containers live on while the engine restarts', ['engine'], ({ engine }) =>
    engine.liveRestore
      ? met('live-restore is on')
      : open('a restart of the engine, as in an upgrade, ends every container for a moment', daemonJson('"live-restore": true')),
  ),
  row('2.17', 'The engine’s proxy for published ports is off', ['daemon'], ({ daemon: { options, from } }) =>
    isSet(options['userland-proxy'], false)
      ? met(`userland-proxy is false (${from})`)
      : open('a process of root listens for each published port', `${daemonJson('"userland-proxy": false')}; try it on staging first`),
  ),
  row('2.18', 'System calls are filtered', ['engine'], ({ engine: { seccomp } }) =>
    seccomp === undefined || seccomp === 'unconfined'
      ? open(`seccomp is ${seccomp ?? 'missing'}`, 'remove "seccomp-profile": "unconfined", or use a kernel with seccomp')
      : met(`the profile is ${seccomp}`),
  ),
  row('2.19', 'Experimental features are off', ['engine'], ({ engine }) =>
    engine.experimental
      ? open('experimental is on', 'remove "experimental": true from /etc/docker/daemon.json')
      : met('experimental is off'),
  ),
];

const notDriver = (driver: string, used: string) =>
  used === driver
    ? open(`it is ${driver}`, 'move to overlay2 ("storage-driver"); volumes stay, images are built again')
    : met(`it is ${used}`);
