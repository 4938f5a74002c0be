const NUMBER = /^\d{1,10}$/;

/**
 * Options that the kernel itself understands and that cannot reach beyond the mount (nfs(5)). Docker mounts without
 * mount.nfs, so what only that program knows (`bg`, `_netdev`, `retry`) would be refused by the kernel while a container
 * starts. An entry is the option's group: of one group, the operator's replaces the default.
 */
const KNOWN: Record<string, { group?: string; value?: RegExp }> = {
  nfsvers: { value: /^(3|4|4\.0|4\.1|4\.2)$/ },
  vers: { group: 'nfsvers', value: /^(3|4|4\.0|4\.1|4\.2)$/ },
  hard: { group: 'recovery' },
  soft: { group: 'recovery' },
  softerr: { group: 'recovery' },
  timeo: { value: NUMBER },
  retrans: { value: NUMBER },
  rsize: { value: NUMBER },
  wsize: { value: NUMBER },
  nconnect: { value: /^([1-9]|1[0-6])$/ },
  port: { value: NUMBER },
  proto: { value: /^(tcp|tcp6)$/ },
  sec: { value: /^(sys|krb5|krb5i|krb5p)$/ },
  ro: { group: 'access' },
  rw: { group: 'access' },
  lock: { group: 'lock' },
  nolock: { group: 'lock' },
  ac: { group: 'ac' },
  noac: { group: 'ac' },
  actimeo: { value: NUMBER },
  acregmin: { value: NUMBER },
  acregmax: { value: NUMBER },
  acdirmin: { value: NUMBER },
  acdirmax: { value: NUMBER },
  lookupcache: { value: /^(all|none|pos|positive)$/ },
  cto: { group: 'cto' },
  nocto: { group: 'cto' },
  resvport: { group: 'resvport' },
  noresvport: { group: 'resvport' },
  atime: { group: 'atime' },
  noatime: { group: 'atime' },
  relatime: { group: 'atime' },
  nodiratime: {},
  nosuid: {},
  nodev: {},
  noexec: {},
};

interface Option {
  group: string;
  text: string;
}

function split(options: string): { name: string; value: string | undefined; text: string }[] {
  return options
    .split(',')
    .map((text) => text.trim())
    .filter(Boolean)
    .map((text) => {
      const [name = '', value] = text.split(/=(.*)/s);
      return { name, value, text };
    });
}

const groupOf = (name: string): string => KNOWN[name]?.group ?? name;

/** What is wrong with mount options, or undefined. */
export function nfsOptionsProblem(options: string): string | undefined {
  const seen = new Map<string, string>();
  for (const { name, value, text } of split(options)) {
    const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
    if (!known) return `${JSON.stringify(text)} is not a mount option that can be used here; known are ${Object.keys(KNOWN).join(', ')}`;
    if (!known.value && value !== undefined) return `${name} takes no value`;
    if (known.value && !known.value.test(value ?? '')) return `${JSON.stringify(text)}: ${name} needs a value that fits (nfs(5))`;
    const other = seen.get(groupOf(name));
    if (other) return `${other} and ${text} contradict each other`;
    seen.set(groupOf(name), text);
  }
  return undefined;
}

/**
 * What a media library asks for. Read-only it is mounted `soft`: when the server goes away, a listing fails after 15 s
 * (5 s, then 10 s) and the portal says so, where `hard` would block its threads for ever; nothing can be lost by it. Where the app may
 * write, `hard`: an error in the middle of a write is data lost. Nothing on it is ever a program or a device.
 */
const defaults = (readOnly: boolean): string =>
  `nfsvers=4.2,${readOnly ? 'soft,timeo=50,retrans=1,ro' : 'hard,timeo=600,retrans=2,rw'},noatime,nosuid,nodev,noexec`;

/** The operator's options over the defaults. `readOnly` is what they say, or else what is asked for. */
export function nfsOptions(own: string, askedReadOnly: boolean): { text: string; port: number; readOnly: boolean } {
  const given = split(own);
  const said = given.find(({ name }) => groupOf(name) === 'access')?.name;
  const readOnly = said ? said === 'ro' : askedReadOnly;
  const groups = new Set(given.map(({ name }) => groupOf(name)));
  const kept = split(defaults(readOnly)).filter(({ name }) => !groups.has(groupOf(name)));
  const all = [...kept, ...given].map(({ name, text }): Option => ({ group: groupOf(name), text }));
  const port = Number(given.find(({ name }) => name === 'port')?.value ?? 2049);
  return { text: all.map(({ text }) => text).join(','), port, readOnly };
}
