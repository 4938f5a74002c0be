import { type Evidence, type HostFile, type HostFileName, isFound } from './evidence.ts';
import { octal } from './octal.ts';
import { asked, byHand, cannotTell, met, names, notApplicable, open, type Row, row } from './point.ts';

/** What the kernel's audit should watch, as the benchmark numbers it. */
const WATCHED: readonly (readonly [section: string, path: string])[] = [
  ['1.1.3', '/usr/bin/dockerd'],
  ['1.1.4', '/run/containerd'],
  ['1.1.5', '/var/lib/docker'],
  ['1.1.6', '/etc/docker'],
  ['1.1.7', 'docker.service'],
  ['1.1.8', 'containerd.sock'],
  ['1.1.9', 'docker.socket'],
  ['1.1.10', '/etc/default/docker'],
  ['1.1.11', '/etc/docker/daemon.json'],
  ['1.1.12', '/etc/containerd/config.toml'],
  ['1.1.13', '/etc/sysconfig/docker'],
  ['1.1.14', '/usr/bin/containerd'],
  ['1.1.15', '/usr/bin/containerd-shim'],
  ['1.1.16', '/usr/bin/containerd-shim-runc-v1'],
  ['1.1.17', '/usr/bin/containerd-shim-runc-v2'],
  ['1.1.18', '/usr/bin/runc'],
];

export const WATCHED_PATHS: readonly string[] = WATCHED.map(([, path]) => path);

/** A rule for a folder covers what is below it. */
const covers = (watched: string, file: string): boolean => file === watched || file.startsWith(`${watched.replace(/\/$/, '')}/`);

/** The same for all, so that a list of them says it once. */
const WATCH = 'install auditd, write `-w FILE -k docker` for each of them into /etc/audit/rules.d/docker.rules, then `augenrules --load`';

const auditRow = ([section, path]: (typeof WATCHED)[number]): Row => ({
  ...row(section, `The kernel’s audit records changes of ${path}`, ['auditRules'], ({ auditRules: { watched, existing } }) => {
    const real = existing.filter((file) => file === path || file.endsWith(`/${path}`));
    if (real.length === 0) return notApplicable(`${path} is not on this host`);
    const without = real.filter((file) => !watched.some((rule) => covers(rule, file)));
    return without.length === 0 ? met(`a rule watches ${names(real)}`) : open('no rule of the kernel’s audit watches it', WATCH);
  }),
  family: 'The kernel’s audit records changes of the engine’s files',
});

/** The oldest engine that its makers still correct is newer than the oldest that works here. */
const OLDEST_MAINTAINED = 28;

export const CIS_HOST: readonly Row[] = [
  row('1.1.1', 'Data of containers is on a partition of its own', ['engineStorage'], ({ engineStorage: { path, point } }) =>
    point === '/'
      ? open(
          `${path} is on the file system of the host itself: a full one stops the host`,
          `mount a disk or volume at ${path}, or set "data-root" in /etc/docker/daemon.json`,
        )
      : met(`${path} is on ${point}`),
  ),
  row('1.1.2', 'Only trusted users control the engine', ['dockerGroup'], ({ dockerGroup }) =>
    dockerGroup.length === 0
      ? met('the group docker has no members: root alone uses the engine')
      : byHand(`members of the group docker are as good as root: ${names(dockerGroup)}; remove one with \`gpasswd -d USER docker\``),
  ),
  ...WATCHED.map(auditRow),
  asked(
    '1.2.1',
    'The host is hardened',
    'judge it by the benchmark of its own distribution; `medianest doctor` tells what concerns the stack',
  ),
  row('1.2.2', 'The engine is up to date', ['engine'], ({ engine: { version } }) =>
    Number.parseInt(version, 10) < OLDEST_MAINTAINED
      ? open(`Docker Engine ${version} gets no corrections from its makers any more`, 'upgrade it as it was installed')
      : byHand(`it is Docker Engine ${version}: compare with what your distribution offers`),
  ),
];

const ownerIs = (title: string, name: HostFileName, section: string, group = 'root'): Row =>
  fileRow(section, `${title} belongs to root${group === 'root' ? '' : ` and the group ${group}`}`, name, ({ there, path }) => {
    if (!there || (there.uid === 0 && there.group === group)) return undefined;
    return { wrong: `${path} belongs to uid ${there.uid}, group ${there.group}`, fix: `chown root:${group} ${path}` };
  });

const modeIs = (title: string, name: HostFileName, section: string, most: number): Row =>
  fileRow(section, `${title}: mode ${octal(most)} or stricter`, name, ({ there, path }) => {
    if (!there || (there.mode & ~most & 0o777) === 0) return undefined;
    return { wrong: `${path} has mode ${octal(there.mode)}`, fix: `chmod ${octal(there.mode & most)} ${path}` };
  });

function fileRow(
  section: string,
  title: string,
  name: HostFileName,
  judge: (file: HostFile) => { wrong: string; fix: string } | undefined,
): Row {
  return row(section, title, ['hostFiles'], ({ hostFiles }: Pick<Evidence, 'hostFiles'>) => {
    const found = hostFiles[name];
    if (!isFound(found)) return cannotTell(found.unknown, found.fix);
    const files = found.value.filter(({ there }) => there);
    if (files.length === 0) return notApplicable(`${name}: there is none on this host`);
    const bad = files.map(judge).filter((found) => found !== undefined);
    if (bad.length === 0) return met(names(files.map(({ path, there }) => `${path} ${octal(there?.mode ?? 0)} ${there?.group}`)));
    return open(bad.map(({ wrong }) => wrong).join('; '), bad.map(({ fix }) => fix).join('; '));
  });
}

export const CIS_FILES: readonly Row[] = [
  ownerIs('The unit docker.service', 'docker.service', '3.1'),
  modeIs('The unit docker.service', 'docker.service', '3.2', 0o644),
  ownerIs('The unit docker.socket', 'docker.socket', '3.3'),
  modeIs('The unit docker.socket', 'docker.socket', '3.4', 0o644),
  ownerIs('The folder /etc/docker', '/etc/docker', '3.5'),
  modeIs('The folder /etc/docker', '/etc/docker', '3.6', 0o755),
  ownerIs('Each certificate of a registry', 'registry certificates', '3.7'),
  modeIs('Each certificate of a registry', 'registry certificates', '3.8', 0o444),
  ownerIs('The CA of the engine’s API', 'TLS CA', '3.9'),
  modeIs('The CA of the engine’s API', 'TLS CA', '3.10', 0o444),
  ownerIs('The certificate of the engine’s API', 'TLS certificate', '3.11'),
  modeIs('The certificate of the engine’s API', 'TLS certificate', '3.12', 0o444),
  ownerIs('The key of the engine’s API', 'TLS key', '3.13'),
  modeIs('The key of the engine’s API', 'TLS key', '3.14', 0o400),
  ownerIs('The engine’s socket', 'engine socket', '3.15', 'docker'),
  modeIs('The engine’s socket', 'engine socket', '3.16', 0o660),
  ownerIs('The file daemon.json', 'daemon.json', '3.17'),
  modeIs('The file daemon.json', 'daemon.json', '3.18', 0o644),
  ownerIs('The file /etc/default/docker', '/etc/default/docker', '3.19'),
  modeIs('The file /etc/default/docker', '/etc/default/docker', '3.20', 0o644),
  modeIs('The file /etc/sysconfig/docker', '/etc/sysconfig/docker', '3.21', 0o644),
  ownerIs('The file /etc/sysconfig/docker', '/etc/sysconfig/docker', '3.22'),
  ownerIs('containerd’s socket', 'containerd socket', '3.23'),
  modeIs('containerd’s socket', 'containerd socket', '3.24', 0o660),
];
