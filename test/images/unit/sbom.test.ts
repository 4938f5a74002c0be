import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { describe, expect, it } from 'vitest';
import { imageSbom } from '../../../src/images/plan/sbom.ts';
import { parseContents } from '../../../src/images/store/plan/image-contents.ts';
import { HOME } from '../../support/cli.ts';

const npm = (file: string, value: unknown) => `#medianest-file ${file}\n${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const DEBIAN = `#medianest-file packages
ii |libstdc++6|14.2.0-19|amd64
ii |tzdata|1:2026a~rc1-0+deb13u1|all
#medianest-file /etc/os-release
ID=debian
VERSION_ID="13"
VERSION_CODENAME=trixie

`;
const sbom = (text: string) =>
  imageSbom({
    name: 'app',
    ref: 'medianest/app:0123456789ab',
    id: `sha256:${'a'.repeat(64)}`,
    contents: parseContents(text),
    version: '0.5.0',
    at: new Date('2026-11-29T09:15:00Z'),
  });
const purls = (document: ReturnType<typeof sbom>) => (document.components as { purl?: string }[]).map(({ purl }) => purl);
const LISTED = {
  lockfileVersion: 3,
  packages: { '': {}, 'node_modules/@a/b': { version: '1.0.0' }, 'node_modules/c/node_modules/d': { version: '2.0.0' } },
};

describe('the SBOM of an image', () => {
  it('is valid CycloneDX 1.6, with what is bundled into the portal', async () => {
    const bundle = readFileSync(path.join(HOME, 'templates/app/image/vendor/sbom.cdx.json'), 'utf8');
    const document = sbom(DEBIAN + npm('/app/node_modules/sbom.cdx.json', bundle));
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(JSON.stringify(document))).toBeNull();
    expect(purls(document).filter((purl) => purl?.startsWith('pkg:npm/fastify@'))).toHaveLength(1);
  });
  it('names packages by URLs that other tools read', () => {
    expect(purls(sbom(DEBIAN))).toEqual([
      undefined,
      'pkg:deb/debian/libstdc%2B%2B6@14.2.0-19?arch=amd64&distro=debian-13',
      'pkg:deb/debian/tzdata@1:2026a~rc1-0%2Bdeb13u1?arch=all&distro=debian-13',
    ]);
  });
  it('has npm’s packages as they are installed, not as a lock file beside them would install them', () => {
    const document = sbom(
      npm('/app/node_modules/.package-lock.json', LISTED) +
        npm('/app/package-lock.json', { packages: { 'node_modules/dev': { version: '9.0.0' } } }),
    );
    expect(purls(document)).toEqual(['pkg:npm/%40a/b@1.0.0', 'pkg:npm/d@2.0.0']);
  });
  it('has the same number for the same contents', () => {
    expect(sbom(DEBIAN).serialNumber).toBe(sbom(DEBIAN).serialNumber);
    expect(sbom(DEBIAN).serialNumber).not.toBe(sbom(DEBIAN.replace('19|', '20|')).serialNumber);
  });
  it.each([
    ['{ broken', 'is not JSON'],
    ['[]', 'is no list of packages'],
    [JSON.stringify({ lockfileVersion: 1, dependencies: { a: { version: '1.0.0' } } }), 'npm 7'],
  ])('does not pass over a list that it cannot read: %s', (text, why) => {
    expect(() => sbom(npm('/app/package-lock.json', text))).toThrow(why);
  });
});
