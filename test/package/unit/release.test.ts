import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  archiveFaults,
  auditOutcome,
  bumped,
  changelogSections,
  compareVersions,
  MOST_BYTES,
  type Versions,
  versionFaults,
} from '../../../scripts/release-checks.mjs';
import { HOME } from '../../support/cli.ts';

const text = (file: string): string => readFileSync(path.join(HOME, file), 'utf8');
const own = (): Versions => ({
  manifest: JSON.parse(text('package.json')) as Versions['manifest'],
  lock: JSON.parse(text('package-lock.json')) as Versions['lock'],
  changelog: text('CHANGELOG.md'),
});
const versions = (changelog: string, version = '1.2.0', locked = version): Versions => ({
  manifest: { version },
  lock: { version: locked, packages: { '': { version: locked } } },
  changelog,
});
const GOOD = '# Changelog\n\n## [Unreleased]\n\n- new\n\n## [1.2.0] - 2026-01-02\n\n- old\n\n## [1.1.9] - 2026-01-01\n\n- older\n';

describe('versions', () => {
  it('of this repository are consistent', () => {
    expect(versionFaults(own())).toEqual([]);
  });
  it.each([
    [versions(GOOD), []],
    [versions(GOOD.replace('## [Unreleased]\n\n- new\n\n', '')), ['CHANGELOG.md does not begin with [Unreleased]']],
    [versions(GOOD, '1.3.0'), ['CHANGELOG.md tells of 1.2.0, package.json of 1.3.0']],
    [versions(GOOD, '1.2.0', '1.1.0'), ['package-lock.json tells of 1.1.0, package.json of 1.2.0']],
    [versions(GOOD.replace('1.1.9', '1.2.1')), ['the versions in CHANGELOG.md are not in order, newest first']],
    [versions(GOOD.replace('1.1.9', '1.2.0')), ['the versions in CHANGELOG.md are not in order, newest first']],
    [versions(GOOD.replace(' - 2026-01-01', '')), ['CHANGELOG.md has a section without version and date: 1.1.9']],
  ])('that do not fit are told', (given, faults) => {
    expect(versionFaults(given)).toEqual(faults);
  });
  it('are compared by number', () => {
    const sorted = ['0.9.9', '0.10.0', '1.0.0', '1.0.1', '1.0.10'];
    expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
    expect(compareVersions('1.0.0', '1.0.0')).toBe(0);
  });
  it('are raised everywhere at once, and what is unreleased gets the new one', () => {
    const raised = bumped(own(), '99.0.0', '2030-01-02');
    expect(versionFaults(raised)).toEqual([]);
    expect(Object.keys(raised.lock.packages)).toEqual(Object.keys(own().lock.packages));
    expect(changelogSections(bumped(versions(GOOD), '1.3.0', '2026-01-03').changelog)).toEqual([
      { version: 'Unreleased', date: undefined, text: '' },
      { version: '1.3.0', date: '2026-01-03', text: '- new' },
      { version: '1.2.0', date: '2026-01-02', text: '- old' },
      { version: '1.1.9', date: '2026-01-01', text: '- older' },
    ]);
  });
});

describe('an archive', () => {
  const portal = { dependencies: { '@a/b': '1.0.0' } };
  const files = [
    'LICENSE',
    'README.md',
    'bin/medianest.js',
    'bin/package.json',
    'dist/THIRD-PARTY-NOTICES.txt',
    'dist/launch.cjs',
    'dist/write-cache.cjs',
    'dist/main.cjs',
    'dist/sbom.cdx.json',
    'docker-compose.base.yml',
    'package.json',
    'profiles/dev-compose.yml',
    'profiles/dev.yml',
    'profiles/prod.yml',
    'profiles/staging.yml',
    'templates/agent/image/vendor/THIRD-PARTY-NOTICES.txt',
    'templates/agent/image/vendor/agent.cjs',
    'templates/agent/image/vendor/alert-relay.cjs',
    'templates/agent/image/vendor/sbom.cdx.json',
    'templates/app/image/vendor/@a/b/index.cjs',
    'templates/app/image/vendor/THIRD-PARTY-NOTICES.txt',
    'templates/app/image/vendor/sbom.cdx.json',
    'templates/app/image/src/server.js',
  ];
  const faults = (names: string[], size = 1e6, published = {}) =>
    archiveFaults({ size, files: names.map((name) => ({ path: name })) }, published, portal);

  it('that has all is taken', () => expect(faults(files)).toEqual([]));
  it.each(files.slice(0, -1))('without %s is refused', (missing) => {
    expect(faults(files.filter((file) => file !== missing))).toEqual([`${missing} is missing`]);
  });
  it.each([
    'src/main.ts',
    'test/unit/a.test.ts',
    'dist/metafiles.json',
    'templates/app/image/node_modules/a/index.js',
    '.env',
    'docs/.env.local',
    'ca/root.key',
    'root.pem',
    '.medianest/secrets/a',
  ])('with %s is refused', (extra) => {
    expect(faults([...files, extra])).toEqual([`${extra} does not belong there`]);
  });
  it('with a code cache, too large, or with packages to install is refused', () => {
    expect(faults([...files, 'dist/main.x.v22.1.0-x64.cache'])).toEqual([
      expect.stringMatching(/^dist\/main\.x\.v22\.1\.0-x64\.cache: a code cache fits one Node\.js alone/),
    ]);
    expect(faults(files, MOST_BYTES)).toEqual([`it has ${MOST_BYTES} bytes, ${MOST_BYTES} are too many`]);
    expect(faults(files, 1, { dependencies: { a: '1.0.0' } })).toEqual([
      'its package.json has dependencies: npm would install packages beside the bundle',
    ]);
  });
});

describe('an audit', () => {
  const counted = (total: number, vulnerabilities = {}) => JSON.stringify({ vulnerabilities, metadata: { vulnerabilities: { total } } });
  it.each([
    [counted(0), 'clean', 'no known vulnerability'],
    [counted(2, { yaml: {}, zod: {} }), 'vulnerable', '2 known vulnerabilities: yaml, zod'],
    // What npm prints where the registry refuses the question.
    [JSON.stringify({ message: '405 Method Not Allowed', error: { summary: '', detail: '' } }), 'unknown', '405 Method Not Allowed'],
    [JSON.stringify({ error: { code: 'ENOLOCK', summary: 'needs a lock file' } }), 'unknown', 'needs a lock file'],
    ['{}', 'unknown', 'the registry did not answer'],
    ['', 'unknown', 'printed no report'],
  ])('%s', (output, outcome, reason) => {
    expect(auditOutcome(output)).toEqual({ outcome, reason: expect.stringContaining(reason) });
  });
});
