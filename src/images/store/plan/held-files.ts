import type { HeldBuild } from '../../../stack/image-lock.ts';

/** What the check below says of each version that apt is not offered. */
const GONE = 'medianest-gone';

/** Runs after `apt-get update`: each locked version must be installed or on offer, or something else would be taken silently. */
const CHECK = `#!/bin/sh
set -eu
have=$(dpkg --print-architecture)
{
  dpkg-query --show --showformat '\${Package} \${Version}\\n'
  cut -d ' ' -f 1 /mnt/packages | xargs -r apt-cache madison | awk -F '|' '{ gsub(/ /, "", $1); gsub(/ /, "", $2); print $1, $2 }'
} >/tmp/medianest-offered
awk -v have="$have" '
  FILENAME == "/mnt/architecture" { if ($1 != have) { print "${GONE} architecture " have; bad = 1; exit }; next }
  FILENAME == "/tmp/medianest-offered" { offered[$0] = 1; next }
  !($0 in offered) { print "${GONE} " $0; bad = 1 }
  END { exit bad }' /mnt/architecture /tmp/medianest-offered /mnt/packages || { rm /tmp/medianest-offered; exit 1; }
rm /tmp/medianest-offered
`;

/** Debian's archives by suite: security updates are in one of their own. */
const archiveOf = (suite: string): string => (suite.endsWith('-security') ? 'debian-security' : 'debian');

/** A dated archive in place of the mirror. What it says is good for a week, and stays signed. */
const archiveSources = ({ url, snapshot, suites }: HeldBuild['archive']): string =>
  suites
    .map((suite) => {
      const options = 'check-valid-until=no signed-by=/usr/share/keyrings/debian-archive-keyring.gpg';
      return `deb [${options}] ${url.replace(/\/$/, '')}/archive/${archiveOf(suite)}/${snapshot}/ ${suite} main\n`;
    })
    .join('');

/**
 * What holds apt to a lock while an image is built, as a folder that is mounted on /mnt: path -> text.
 * @param fromArchive versions come from the dated archive, not from the mirror
 */
export function heldFiles(held: HeldBuild, fromArchive: boolean): Record<string, string> {
  const sources = fromArchive && { 'sources.list': archiveSources(held.archive) };
  const config = [
    'Dir::Etc::preferences "/mnt/preferences";',
    'APT::Get::allow-downgrades "true";',
    'APT::Update::Post-Invoke-Success { "sh /mnt/check"; };',
    // All of it: that the mirror answers is no help where the archive does not.
    ...(fromArchive ? ['Dir::Etc::sourcelist "/mnt/sources.list";', 'APT::Update::Error-Mode "any";'] : []),
  ];
  const folder = (packages: readonly (readonly [string, string])[]): Record<string, string> => ({
    'apt.conf': `${config.join('\n')}\n`,
    preferences: packages.map(([name, version]) => `Package: ${name}\nPin: version ${version}\nPin-Priority: 1001\n`).join('\n'),
    packages: packages.map(([name, version]) => `${name} ${version}\n`).join(''),
    architecture: `${held.architecture}\n`,
    check: CHECK,
    ...sources,
  });
  const all = Object.entries(held.packages).sort(([a], [b]) => (a < b ? -1 : 1));
  const first = folder(all.filter(([name]) => held.common.includes(name)));
  return { ...folder(all), ...Object.fromEntries(Object.entries(first).map(([name, text]) => [`base/${name}`, text])) };
}

/** What the check has said in a line of the build: a package's version that is not on offer, or another architecture. */
export function readGone(line: string): { name: string; version: string } | undefined {
  const [, name, version] = new RegExp(`(?:^| )${GONE} (\\S+) (\\S+)\\s*$`).exec(line) ?? [];
  return name && version ? { name, version } : undefined;
}

/** How the packages of a built image differ from those that it was to have. */
export function heldFaults(held: HeldBuild, packages: Readonly<Record<string, string>>): { wrong: string[]; unlocked: string[] } {
  const wrong = Object.entries(held.packages).flatMap(([name, version]) => {
    const has = packages[name];
    // A source that has changed may need less.
    if (has === undefined) return held.sameSource ? [`${name} is missing (${version} is locked)`] : [];
    return has === version ? [] : [`${name} is ${has} (${version} is locked)`];
  });
  const unlocked = Object.entries(packages).flatMap(([name, version]) => (name in held.packages ? [] : [`${name} ${version}`]));
  return { wrong: [...wrong, ...(held.sameSource ? unlocked.map((entry) => `${entry} is not locked`) : [])], unlocked };
}
