// What a release is refused for, and what it writes: pure, so that the tests see all of it.

/** @returns negative where `a` is the older version */
export function compareVersions(a, b) {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number));
  const at = left.findIndex((part, index) => part !== right[index]);
  return at === -1 ? 0 : left[at] - right[at];
}

/** The sections of a changelog in the form of Keep a Changelog, newest first. */
export const changelogSections = (changelog) =>
  changelog
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading, ...lines] = section.split('\n');
      const [, version, date] = /^\[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?$/.exec(heading) ?? [];
      return { version, date, text: lines.join('\n').trim() };
    });

/** What is not consistent between package.json, package-lock.json and CHANGELOG.md. */
export function versionFaults({ manifest, lock, changelog }) {
  const sections = changelogSections(changelog);
  const released = sections.filter(({ version }) => version !== 'Unreleased');
  const versions = released.map(({ version }) => version);
  const faults = [];
  if (sections[0]?.version !== 'Unreleased') faults.push('CHANGELOG.md does not begin with [Unreleased]');
  for (const { version, date } of released) {
    if (!/^\d+\.\d+\.\d+$/.test(version ?? '') || !date) faults.push(`CHANGELOG.md has a section without version and date: ${version}`);
  }
  if (versions.some((version, index) => index > 0 && compareVersions(versions[index - 1], version) <= 0))
    faults.push('the versions in CHANGELOG.md are not in order, newest first');
  if (versions[0] !== manifest.version) faults.push(`CHANGELOG.md tells of ${versions[0]}, package.json of ${manifest.version}`);
  if (lock.version !== manifest.version || lock.packages[''].version !== manifest.version)
    faults.push(`package-lock.json tells of ${lock.version}, package.json of ${manifest.version}`);
  return faults;
}

/** The same files for a new version; what is unreleased becomes its section. */
export function bumped({ manifest, lock, changelog }, version, date) {
  return {
    manifest: { ...manifest, version },
    lock: { ...lock, version, packages: { ...lock.packages, '': { ...lock.packages[''], version } } },
    changelog: changelog.replace('## [Unreleased]\n', `## [Unreleased]\n\n## [${version}] - ${date}\n`),
  };
}

export const MOST_BYTES = 2e6;
const FORBIDDEN =
  /(^|\/)(node_modules|\.git|\.env[^/]*|\.medianest|\.npmrc)(\/|$)|^(src|test|bench)\/|^dist\/metafiles\.json$|\.(pem|key|p12|kit|log|tgz)$/;

/**
 * What is wrong with an archive that npm has packed.
 * @param archive its size and the files in it, as `npm pack --json` says
 * @param published package.json as it is in the archive
 * @param portal package.json of the portal: each of its dependencies has a bundle
 */
export function archiveFaults(archive, published, portal) {
  const files = archive.files.map(({ path }) => path);
  const needed = [
    'package.json',
    'LICENSE',
    'README.md',
    'bin/medianest.js',
    'bin/package.json',
    'docker-compose.base.yml',
    'dist/launch.cjs',
    'dist/main.cjs',
    'dist/write-cache.cjs',
    ...['dist', 'templates/agent/image/vendor', 'templates/app/image/vendor'].flatMap((folder) => [
      `${folder}/sbom.cdx.json`,
      `${folder}/THIRD-PARTY-NOTICES.txt`,
    ]),
    ...['dev', 'dev-compose', 'staging', 'prod'].map((profile) => `profiles/${profile}.yml`),
    'templates/agent/image/vendor/agent.cjs',
    'templates/agent/image/vendor/alert-relay.cjs',
    ...Object.keys(portal.dependencies).map((name) => `templates/app/image/vendor/${name}/index.cjs`),
  ];
  const faults = needed.filter((file) => !files.includes(file)).map((file) => `${file} is missing`);
  faults.push(...files.filter((file) => FORBIDDEN.test(file)).map((file) => `${file} does not belong there`));
  const caches = files.filter((file) => /^dist\/main\..*\.cache$/.test(file));
  if (caches.length > 0) faults.push(`${caches.join(', ')}: a code cache fits one Node.js alone, and the first command writes it`);
  if (archive.size >= MOST_BYTES) faults.push(`it has ${archive.size} bytes, ${MOST_BYTES} are too many`);
  for (const kind of ['dependencies', 'optionalDependencies', 'peerDependencies', 'bundleDependencies']) {
    if (Object.keys(published[kind] ?? {}).length > 0)
      faults.push(`its package.json has ${kind}: npm would install packages beside the bundle`);
  }
  return faults;
}

/**
 * What `npm audit --json` has said: `clean`, `vulnerable`, or `unknown` where the registry gave no answer.
 * @returns the outcome and its reason, for a person
 */
export function auditOutcome(output) {
  let report;
  try {
    report = JSON.parse(output);
  } catch {
    return { outcome: 'unknown', reason: 'npm audit printed no report' };
  }
  const total = report.metadata?.vulnerabilities?.total;
  if (typeof total !== 'number')
    return { outcome: 'unknown', reason: report.message ?? report.error?.summary ?? 'the registry did not answer the audit' };
  if (total === 0) return { outcome: 'clean', reason: 'no known vulnerability in a bundled package' };
  return { outcome: 'vulnerable', reason: `${total} known vulnerabilities: ${Object.keys(report.vulnerabilities ?? {}).join(', ')}` };
}
