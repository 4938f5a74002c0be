export interface InstalledPackage {
  version: string;
  architecture: string;
}

/** What an image says of itself. */
export interface ImageContents {
  /** Debian's packages by name; empty for an image without dpkg. */
  packages: Record<string, InstalledPackage>;
  /** apt's sources: path -> text. */
  sources: Record<string, string>;
  /** `debian`, `13` and `trixie`, as /etc/os-release has it; undefined where there is none. */
  system: { id: string; version: string; codename: string } | undefined;
  /** npm's own lists and those of bundles (CycloneDX): path -> text. */
  npm: Record<string, string>;
}

const FILE = '#medianest-file ';

/** Prints all of it; runs in the image itself, without a network. A file that cannot be read ends it. */
export const READ_CONTENTS = `set -eu
if command -v dpkg-query >/dev/null; then
  echo '${FILE}packages'
  dpkg-query --show --showformat '\${db:Status-Abbrev}|\${Package}|\${Version}|\${Architecture}\\n'
fi
show() { if [ -f "$1" ]; then echo "${FILE}$1"; cat "$1"; echo; fi; }
show /etc/os-release
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do show "$file"; done
show /usr/local/lib/medianest/sbom.cdx.json
for folder in / /app /srv /srv/app /usr/src/app /opt/app /home/node/app "$PWD"; do
  for file in node_modules/sbom.cdx.json node_modules/.package-lock.json package-lock.json npm-shrinkwrap.json; do show "$folder/$file"; done
done`;

/** The output of READ_CONTENTS. */
export function parseContents(output: string): ImageContents {
  const files: Record<string, string> = {};
  let lines: string[] = [];
  let name: string | undefined;
  const keep = () => {
    if (name !== undefined) files[name] = lines.join('\n');
  };
  for (const line of output.split('\n')) {
    if (line.startsWith(FILE)) {
      keep();
      name = line.slice(FILE.length).replace(/^\/\//, '/');
      lines = [];
    } else lines.push(line);
  }
  keep();
  const picked = (fits: (file: string) => boolean) => Object.fromEntries(Object.entries(files).filter(([file]) => fits(file)));
  return {
    packages: parsePackages(files.packages ?? ''),
    sources: picked((file) => file.startsWith('/etc/apt/')),
    system: parseRelease(files['/etc/os-release']),
    npm: picked((file) => file.endsWith('.json')),
  };
}

/** Those that are installed: one that was removed may have left its configuration. */
function parsePackages(text: string): Record<string, InstalledPackage> {
  const found: Record<string, InstalledPackage> = {};
  for (const line of text.split('\n')) {
    const [status, name, version, architecture] = line.split('|');
    if (name && version && architecture && status?.[1] === 'i') found[name] = { version, architecture };
  }
  return found;
}

function parseRelease(text: string | undefined): ImageContents['system'] {
  const field = (key: string) => new RegExp(`^${key}="?([^"\\n]*)"?$`, 'm').exec(text ?? '')?.[1];
  const id = field('ID');
  return id ? { id, version: field('VERSION_ID') ?? '', codename: field('VERSION_CODENAME') ?? '' } : undefined;
}
