import type { ImageContents } from '../store/plan/image-contents.ts';
import { compareVersions } from './debian-version.ts';
import type { PackageUpdate } from './updates.ts';

/** A version of a package that a suite has. */
export interface Offer {
  suite: string;
  version: string;
  architecture: string;
}

/** What the mirror has of some packages. */
export interface Offers {
  /** What the lists are for: `amd64`. */
  architecture: string;
  packages: Record<string, Offer[]>;
}

/** apt's sources of several images, each once: the kind of the file, and its text. */
export function allSources(images: readonly Pick<ImageContents, 'sources'>[]): { kind: 'list' | 'sources'; text: string }[] {
  const found = new Map<string, 'list' | 'sources'>();
  for (const { sources } of images)
    for (const [file, text] of Object.entries(sources))
      if (/\.(list|sources)$/.test(file) && text.trim()) found.set(text.trim(), file.endsWith('.list') ? 'list' : 'sources');
  return [...found].map(([text, kind]) => ({ kind, text }));
}

/** Prints what the mirror has of some packages; the first argument names them, then come pairs of a file's kind and text. */
export const READ_OFFERS = `set -eu
names=$1
shift
mkdir -p /tmp/medianest-sources
number=0
while [ $# -gt 1 ]; do
  number=$((number + 1))
  printf '%s\\n' "$2" >"/tmp/medianest-sources/$number.$1"
  shift 2
done
# Without apt's own index of all packages, which takes longer than reading the lists once.
apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/tmp/medianest-sources -o Acquire::Languages=none \\
  -o APT::Update::Error-Mode=any -o pkgCacheFile::Generate=false -qq update >&2
echo "architecture $(dpkg --print-architecture)"
for release in /var/lib/apt/lists/*_InRelease /var/lib/apt/lists/*_Release; do
  [ -e "$release" ] || continue
  suite=$(sed -n 's/^Codename: //p' "$release" | head -n 1)
  for file in "\${release%_*}_"*_Packages*; do
    # A suite may be empty, and has no file then.
    [ -e "$file" ] || continue
    /usr/lib/apt/apt-helper cat-file "$file" | awk -v suite="$suite" -v names="$names" '
      BEGIN { count = split(names, list, " "); for (at = 1; at <= count; at++) wanted[list[at]] = 1 }
      /^Package: / { name = $2 }
      /^Version: / { version = $2 }
      /^Architecture: / { architecture = $2 }
      /^$/ { if (name in wanted) print "offer", suite, name, version, architecture; name = "" }
      END { if (name in wanted) print "offer", suite, name, version, architecture }'
  done
done`;

export function parseOffers(output: string): Offers {
  const packages: Record<string, Offer[]> = {};
  for (const [, suite = '', name = '', version = '', architecture = ''] of output.matchAll(/^offer (\S+) (\S+) (\S+) (\S+)$/gm)) {
    packages[name] ??= [];
    packages[name].push({ suite, version, architecture });
  }
  return { architecture: /^architecture (\S+)$/m.exec(output)?.[1] ?? '', packages };
}

/** The image's own release, with its updates and security updates. */
const own = (suite: string, codename: string): boolean => suite === codename || suite.startsWith(`${codename}-`);

/**
 * Packages of which the mirror has a newer version for this image. Another release counts only for a package that came from
 * there: its version is newer than all of the image's own release.
 */
export function newerPackages({ packages, sources, system }: ImageContents, offers: Offers): PackageUpdate[] {
  const codename = system?.codename ?? '';
  const texts = Object.values(sources).join('\n');
  return Object.entries(packages).flatMap(([name, { version: from }]) => {
    const all = offers.packages[name] ?? [];
    const home = newest(all.filter(({ suite }) => own(suite, codename)));
    const abroad = newest(all.filter(({ suite }) => !own(suite, codename) && texts.includes(suite)));
    const to = home !== undefined && compareVersions(from, home) <= 0 ? home : abroad;
    return to !== undefined && compareVersions(from, to) < 0 ? [{ name, from, to }] : [];
  });
}

const newest = (offers: readonly Offer[]): string | undefined =>
  offers.map(({ version }) => version).sort((a, b) => compareVersions(b, a))[0];

/** The suite that a package's version comes from; the image's own release before another one. */
export function suiteOf(name: string, version: string, codename: string, offers: Offers): string | undefined {
  const suites = (offers.packages[name] ?? []).filter((offer) => offer.version === version).map(({ suite }) => suite);
  return suites.find((suite) => own(suite, codename)) ?? suites[0];
}
