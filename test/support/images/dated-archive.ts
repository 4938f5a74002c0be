import { createReadStream, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { docker } from '../cli.ts';

/** Where containers reach this host. */
const gateway = async (): Promise<string> =>
  (await docker(['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}'])).stdout.trim();

/** Takes a package from the mirror, gives it another version, and signs an archive that has it, by a key of its own. */
const MAKE = `set -eu
version=$1
cd /out
apt-get update -qq
apt-get install -qq -y --no-install-recommends gpg gpg-agent >/dev/null 2>&1
apt-get download -qq socat
dpkg-deb -R socat_*.deb /tmp/socat
rm socat_*.deb
sed -i "s/^Version: .*/Version: $version/" /tmp/socat/DEBIAN/control
dpkg-deb -b /tmp/socat socat.deb >/dev/null
folder=main/binary-$(dpkg --print-architecture)
mkdir -p "dists/$folder"
awk 'BEGIN { RS = ""; ORS = "\\n\\n" } !/^Package: socat\\n/' /var/lib/apt/lists/*dists_trixie_main*_Packages >"dists/$folder/Packages"
{
  dpkg-deb -f socat.deb
  echo "Filename: pool/socat.deb"
  echo "Size: $(stat -c %s socat.deb)"
  echo "SHA256: $(sha256sum socat.deb | cut -d ' ' -f 1)"
} >>"dists/$folder/Packages"
gzip -1 -k "dists/$folder/Packages"
cd dists
{
  printf 'Origin: Debian\\nLabel: Debian\\nSuite: stable\\nCodename: trixie\\nDate: %s\\n' "$(date -uR | sed 's/+0000/UTC/')"
  printf 'Architectures: %s\\nComponents: main\\nSHA256:\\n' "$(dpkg --print-architecture)"
  for file in "$folder/Packages" "$folder/Packages.gz"; do
    echo " $(sha256sum "$file" | cut -d ' ' -f 1) $(stat -c %s "$file") $file"
  done
} >Release
rm "$folder/Packages"
export GNUPGHOME=/tmp/gnupg
mkdir -m 0700 "$GNUPGHOME"
gpg --quiet --batch --passphrase '' --quick-gen-key archive@localhost rsa3072 sign never 2>/dev/null
gpg --quiet --batch --clearsign --output InRelease Release
gpg --quiet --batch --export >../key.gpg
chmod -R a+rX /out
`;

export interface DatedArchive {
  url: string;
  /** What was asked for. */
  paths: string[];
  stop(): Promise<void>;
}

/**
 * An archive laid out like snapshot.debian.org whose trixie is the mirror's, but for one package that has a version of its own.
 * @param base gets the archive's key, as `image`
 */
export async function datedArchive(dir: string, base: string, image: string, version: string): Promise<DatedArchive> {
  const out = path.join(dir, 'archive');
  mkdirSync(out);
  const made = await docker(['run', '--rm', '--volume', `${out}:/out`, base, 'sh', '-c', MAKE, 'sh', version]);
  if (made.status !== 0) throw new Error(made.stderr);
  writeFileSync(
    path.join(out, 'Dockerfile'),
    `FROM ${base}\nCOPY key.gpg /tmp/\nRUN cat /tmp/key.gpg >>/usr/share/keyrings/debian-archive-keyring.gpg && rm /tmp/key.gpg\n`,
  );
  writeFileSync(path.join(out, '.dockerignore'), '*\n!key.gpg\n');
  const built = await docker(['buildx', 'build', '--load', '--tag', image, out]);
  if (built.status !== 0) throw new Error(built.stderr);
  const paths: string[] = [];
  const server = http.createServer((request, response) => {
    const url = request.url ?? '';
    paths.push(url);
    const [, archive, rest = ''] = /^\/archive\/(debian|debian-security)\/\d{8}T\d{6}Z\/(.*)$/.exec(url) ?? [];
    const own = rest.replace(/^dists\/trixie\//, 'dists/').replace(/^pool\/socat.deb$/, 'socat.deb');
    if (!archive) response.writeHead(404).end();
    else if (archive === 'debian' && own !== rest) {
      const file = createReadStream(path.join(out, own));
      file.on('error', () => response.writeHead(404).end());
      file.on('open', () => response.writeHead(200));
      file.pipe(response);
    } else response.writeHead(302, { location: `http://deb.debian.org/${archive}/${rest}` }).end();
  });
  const host = await gateway();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://${host}:${port}`,
    paths,
    stop: async () => {
      await new Promise((resolve) => server.close(resolve));
      await docker(['image', 'rm', '--force', image]);
      rmSync(out, { recursive: true, force: true });
    },
  };
}

/** A lock file as data, for tests that change one. */
export interface LockText {
  architecture: string;
  images: Record<
    string,
    { snapshot: string; base: { id: string; digest?: string }; packages: Record<string, { version: string; suite?: string }> }
  >;
}
export const readLockText = (file: string): LockText => JSON.parse(readFileSync(file, 'utf8')) as LockText;
