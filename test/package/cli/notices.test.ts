import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, describe, expect, it } from 'vitest';
import { bundledPackages, licenceText, noticesText, sbomText } from '../../../scripts/notices.mjs';
import { HOME } from '../../support/cli.ts';

interface Metafile {
  outputs: Record<string, { inputs: Record<string, { bytesInOutput: number }> }>;
}
interface Component {
  name: string;
  version: string;
  purl: string;
  licenses: ({ license: { id: string } } | { expression: string })[];
  properties: { name: string; value: string }[];
}

const text = (...parts: string[]): string => readFileSync(path.join(HOME, ...parts), 'utf8');
const bundles = JSON.parse(text('dist/metafiles.json')) as Record<string, Metafile>;

/** `name@version` of every package that gave a byte to these bundles: read from the metafiles in another way than the build does. */
function contributors(start: string): string[] {
  const found = new Set<string>();
  for (const [bundle, { outputs }] of Object.entries(bundles)) {
    if (!bundle.startsWith(start)) continue;
    for (const [file, { bytesInOutput }] of Object.entries(outputs).flatMap(([, { inputs }]) => Object.entries(inputs))) {
      if (bytesInOutput === 0 || !file.includes('node_modules/')) continue;
      const folders = file.split('/');
      const at = folders.lastIndexOf('node_modules') + 1;
      const end = folders[at]?.startsWith('@') ? at + 2 : at + 1;
      const { version } = JSON.parse(text(...folders.slice(0, end), 'package.json')) as { version: string };
      found.add(`${folders.slice(at, end).join('/')}@${version}`);
    }
  }
  return [...found].sort();
}

/** The packages that notices name, each in the head of a section. */
const named = (notices: string): string[] =>
  [...notices.matchAll(/^(\S+) (\d\S*) \(\S.*\)$/gm)].map(([, name, version]) => `${name}@${version}`).sort();

describe('licences of what is bundled', () => {
  it.each([
    ['dist', ''],
    ['templates/agent/image/vendor', 'templates/agent/'],
    ['templates/app/image/vendor', 'templates/app/'],
  ])('%s names every package that is in its bundles, and no other', (folder, start) => {
    expect(contributors(start).length).toBeGreaterThan(5);
    expect(named(text(folder, 'THIRD-PARTY-NOTICES.txt'))).toEqual(contributors(start));
  });
  it('covers every bundle that is published', () => {
    expect(Object.keys(bundles)).toEqual(
      expect.arrayContaining(['dist/main.cjs', 'dist/launch.cjs', 'templates/agent/image/vendor/agent.cjs']),
    );
    for (const folder of ['templates/agent/image/vendor', 'templates/app/image/vendor']) {
      const files = readdirSync(path.join(HOME, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.cjs'));
      const loaders = files.filter((file) => text(folder, file).length < 200);
      expect(loaders.filter((file) => !file.startsWith('@opentelemetry/'))).toEqual([]);
      expect(
        Object.keys(bundles)
          .filter((name) => name.startsWith(folder))
          .sort(),
      ).toEqual(
        files
          .filter((file) => !loaders.includes(file))
          .map((file) => `${folder}/${file}`)
          .sort(),
      );
    }
  });
  it('holds the text of each licence, not only its name', () => {
    const sections = text('dist/THIRD-PARTY-NOTICES.txt')
      .split(`${'='.repeat(80)}\n`)
      .slice(1);
    expect(sections.length).toBeGreaterThan(50);
    for (const section of sections) {
      expect(section.length, section.slice(0, 200)).toBeGreaterThan(400);
      expect(section, section.slice(0, 200)).toMatch(/permission|licen[cs]e/i);
    }
  });
  it('holds what packages say in their code', () => {
    expect(text('dist/THIRD-PARTY-NOTICES.txt')).toContain('pvtsutils/build/index.js:');
  });
  it('has the licence that each package.json names', () => {
    expect(text('dist/THIRD-PARTY-NOTICES.txt')).toMatch(/^node-forge \S+ \(\(BSD-3-Clause OR GPL-2\.0\)\)$/m);
  });
});

describe('the SBOM', () => {
  const source = text('dist/sbom.cdx.json');
  const sbom = JSON.parse(source) as { components: Component[]; metadata: { component: { name: string; version: string } } };

  it('is CycloneDX 1.6 by the official schema, which refuses what it does not know', async () => {
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    expect(await validator.validate(source)).toBeNull();
    // Also a licence that SPDX does not know, so that the check above is one.
    expect(await validator.validate(source.replace('"id": "MIT"', '"id": "MTI"'))).not.toBeNull();
  });
  it('names every package that is bundled, and no other', () => {
    expect(sbom.components.map(({ name, version }) => `${name}@${version}`).sort()).toEqual(contributors(''));
    expect(sbom.metadata.component).toMatchObject({
      name: 'medianest',
      version: (JSON.parse(text('package.json')) as { version: string }).version,
    });
  });
  it('says which bundle a package is in', () => {
    for (const bundle of Object.keys(bundles)) {
      const inside = sbom.components.filter(({ properties }) => properties.some(({ value }) => value === bundle));
      expect(inside.map(({ name, version }) => `${name}@${version}`).sort(), bundle).toEqual(contributors(bundle));
    }
  });
  it('gives the same bytes for the same packages, whatever the order of the bundles', () => {
    const packages = bundledPackages(HOME, Object.fromEntries(Object.entries(bundles).reverse()));
    const { name, version, license } = JSON.parse(text('package.json')) as { name: string; version: string; license: string };
    expect(sbomText({ name, version, licenses: [{ license: { id: license } }], purl: `pkg:npm/${name}@${version}` }, packages)).toBe(
      source,
    );
  });
});

describe('a package that is bundled', () => {
  const home = mkdtempSync(path.join(os.tmpdir(), 'medianest-notices-'));
  afterAll(() => rmSync(home, { recursive: true, force: true }));
  const metafile = (name: string) => ({ outputs: { 'a.cjs': { inputs: { [`node_modules/${name}/index.js`]: { bytesInOutput: 1 } } } } });
  const add = (name: string, manifest: object, files: Record<string, string>, integrity = 'sha512-AAAA') => {
    const folder = path.join(home, 'node_modules', name);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'package.json'), JSON.stringify({ name, version: '1.0.0', ...manifest }));
    for (const [file, content] of Object.entries(files)) writeFileSync(path.join(folder, file), content);
    writeFileSync(path.join(home, 'package-lock.json'), JSON.stringify({ packages: { [`node_modules/${name}`]: { integrity } } }));
    return () => bundledPackages(home, { 'a.cjs': metafile(name) });
  };

  it('fails the build without a licence text, without a licence, without a checksum', () => {
    expect(add('no-text', { license: 'MIT' }, { 'README.md': 'MIT' })).toThrow('no-text@1.0.0 is bundled, but brings no licence text');
    expect(add('notice-alone', { license: 'Apache-2.0' }, { NOTICE: 'by me' })).toThrow('brings no licence text');
    expect(add('no-licence', {}, { LICENSE: 'text' })).toThrow('no-licence@1.0.0 is bundled, but its package.json names no licence');
    expect(add('no-sum', { license: 'MIT' }, { LICENSE: 'text' }, 'sha1-AAAA')).toThrow('package-lock.json has no SHA-512');
  });
  it('may have a text of ours, for one version of it', () => {
    add('old', { license: 'MIT' }, {});
    const folder = path.join(home, 'node_modules/old');
    const ours = { 'old@1.0.0': { text: () => 'MIT License\n\nCopyright (c) somebody' } };
    expect(licenceText(folder, 'old@1.0.0', ours)).toContain('Copyright (c) somebody');
    expect(() => licenceText(folder, 'old@1.0.1', ours)).toThrow('brings no licence text');
  });
  it('gives its NOTICE beside its licence, and a text that others have too once', () => {
    const [both] = add('both', { license: 'Apache-2.0' }, { LICENSE: '\uFEFFApache\r\nLicense\n', NOTICE: 'made by me\n' })();
    expect(both?.text).toBe('Apache\nLicense\n\nmade by me');
    const [one] = add('one', { license: 'MIT' }, { 'license.md': 'The MIT\nLicense' })();
    const [two] = add('two', { license: 'MIT' }, { LICENCE: 'The\nMIT License\n' })();
    if (!one || !two) throw new Error('neither was found');
    expect(noticesText('Both', [one, two], []).split('\n').slice(2)).toEqual([
      '='.repeat(80),
      'one 1.0.0 (MIT)',
      'two 1.0.0 (MIT)',
      '',
      'The MIT',
      'License',
      '',
    ]);
  });
});
