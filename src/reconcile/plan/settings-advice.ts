import { isAddress, isLoopback } from '../../core/url-host.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { SettingsPart } from '../../settings/part.ts';

export interface Effect {
  /** The settings by which the stack is built. */
  read: ReadonlySet<string>;
  networks: readonly string[];
  hasCertificates: boolean;
  /** Every service there is: the component, and its key in the settings. */
  registry: readonly Pick<SettingsPart, 'name' | 'key' | 'standsFor' | 'settingsServeOthers'>[];
}

interface Idle {
  path: string;
  where: string;
  why: string;
}

/** More of one kind than these are counted. */
const MOST_NAMED = 4;

/** What the settings say that this profile does not do, or that cannot be meant: a line each. */
export const settingsAdvice = (loaded: Loaded, effect: Effect): string[] => [
  ...unknownVariables(loaded),
  ...withoutEffect(loaded, effect),
  ...cacheCosts(loaded),
  ...calls(loaded),
  ...loaded.leftOff.map(({ why, fix }) => `${why}; ${fix}`),
];

/** What a choice of the operator's for the cache costs, as far as it can lose data or stop the application. */
function cacheCosts({ settings, origins }: Loaded): string[] {
  const { mode, evictionPolicy } = settings.cache;
  const told = (name: string, why: string) => {
    const layer = origins.get(`cache.${name}`);
    return layer && !layer.origin.startsWith('profiles/') ? [`${layer.locate(['cache', name])}: cache.${name}: ${why}`] : [];
  };
  return [
    ...(mode === 'single'
      ? told(
          'mode',
          'single: while this one server is away, no visitor can sign in, and jobs wait; its data is in no backup, and it speaks no TLS',
        )
      : []),
    ...(evictionPolicy?.startsWith('allkeys-')
      ? told('evictionPolicy', `${evictionPolicy}: when memory is full, any key goes: people are signed out, and jobs of a queue are lost`)
      : []),
    ...(evictionPolicy?.startsWith('volatile-') && mode !== 'single'
      ? told('evictionPolicy', `${evictionPolicy}: when memory is full, keys that expire go first: people are signed out`)
      : []),
  ];
}

const unknownVariables = ({ unknownVariables: unknown }: Loaded): string[] =>
  unknown.map(
    ({ name, near }) =>
      `$${name}: is not a setting, and was ignored; ${near ? `did you mean ${near}?` : 'medianest config show lists them'}`,
  );

function withoutEffect(loaded: Loaded, effect: Effect): string[] {
  const found = idle(loaded, effect);
  return unique(found.map(({ why }) => why)).map((why) => {
    const all = found.filter((entry) => entry.why === why);
    const named = all.slice(0, MOST_NAMED).map(({ path }) => path);
    const more = all.length > named.length ? ` and ${all.length - named.length} more` : '';
    const instead = unique(all.flatMap(({ path }) => counterparts(path, loaded, effect)));
    const hint = instead.length > 0 ? `; here it is ${instead.join(', ')}` : '';
    return `${all[0]?.where}: ${named.join(', ')}${more}: without effect in profile ${loaded.profile}: ${why}${hint}`;
  });
}

/** What the operator has set, and no service of this stack looks at. */
function idle({ origins, settings }: Loaded, { read, networks, hasCertificates, registry }: Effect): Idle[] {
  const on = (name: string) => settings.components[name] === true;
  return [...origins].flatMap(([path, layer]) => {
    const parts = path.split('.');
    const [key = '', second = ''] = parts;
    if (layer.origin.startsWith('profiles/') || isRead(parts, read)) return [];
    const told = (why: string) => [{ path, where: layer.locate(parts), why }];
    if (key === 'networks' && second !== '' && !networks.includes(second)) return told(`no service is in the network ${second}`);
    if (key === 'certificates' && !hasCertificates) return told('no service has a certificate');
    if (key === 'images') return registry.some(({ name }) => name === second && !on(name)) ? told(`the component ${second} is off`) : [];
    if (registry.some((entry) => entry.key === key && entry.settingsServeOthers)) return [];
    const owners = registry.filter((entry) => entry.key === key).map(({ name }) => name);
    return owners.length > 0 && !owners.some(on) ? told(`the component ${owners.join(' or ')} is off`) : [];
  });
}

/** The setting itself, or all of what it is a part of. */
const isRead = (parts: readonly string[], read: ReadonlySet<string>): boolean =>
  parts.some((_part, index) => read.has(parts.slice(0, index + 1).join('.')));

/** Of the services that run in place of this one, what means the same: `allInOne.port` for `edge.httpsPort`. */
function counterparts(path: string, { settings }: Loaded, { read, registry }: Effect): string[] {
  const [key = '', ...rest] = path.split('.');
  // One container's limits are not those of one of several.
  if (key === 'allInOne' && LIMITS.includes(rest.join('.'))) return [];
  if (isOutside(path)) return [];
  const instead = registry.filter(({ name, standsFor }) => settings.components[name] === true && standsFor?.includes(key));
  const theirs = [...read].filter((other) => instead.some((service) => other.startsWith(`${service.key}.`)));
  const same = theirs.filter((other) => other.split('.').slice(1).join('.') === rest.join('.'));
  return same.length > 0 ? same : theirs.filter((other) => lastWord(other) === lastWord(path) && !isOutside(other));
}

/** `edge.publicPort` publishes nothing: it says what a router does. */
const isOutside = (path: string): boolean => /\.public[A-Z]\w*$/.test(path);

const LIMITS = ['memory', 'cpus'];

/** `edge.httpsPort` -> `port`. */
const lastWord = (path: string): string => (/([A-Z]?[a-z]+)$/.exec(path)?.[1] ?? path).toLowerCase();

const unique = <T>(values: readonly T[]): T[] => [...new Set(values)];

/** What the settings say that the application calls outside: a line for each address of which there is something to say. */
function calls({ settings, origins }: Loaded): string[] {
  const { external } = settings;
  const app = settings.app as { proxy?: boolean; media?: { endpoint?: string } } | undefined;
  const named: [path: string, url: string | undefined][] = [
    ...Object.entries(external).map(([name, { url }]): [string, string | undefined] => [`external.${name}.url`, url]),
    ['app.media.endpoint', app?.media?.endpoint],
  ];
  const leads = settings.components.app === true && app?.proxy !== true;
  return named.flatMap(([path, url]) => {
    const problem = url === undefined ? undefined : callProblem(new URL(url), leads);
    return problem ? [`${origins.get(path)?.locate(path.split('.')) ?? 'the settings'}: ${path}: ${problem}`] : [];
  });
}

/** @param leads the application is led there by a container of that name */
function callProblem({ host, hostname, protocol }: URL, leads: boolean): string | undefined {
  if (isLoopback(hostname))
    return `${host} is the portal’s own container, not this host: give the address by which other machines reach it`;
  if (leads && protocol === 'https:' && isAddress(hostname))
    return `the application reaches ${host} by another name, for which its certificate is not valid: give the host a name, or use http`;
  return undefined;
}
