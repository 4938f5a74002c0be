// @ts-check
// Which capabilities a change touches, by the folders of the changed files.
/** @typedef {import('./files.mjs').TestFile} TestFile */

/** What every stack goes through: a change there touches everything. A folder ends with `/`. */
export const SHARED = [
  ...['src/capability/', 'src/core/', 'src/docker/', 'src/project/', 'src/reconcile/', 'src/stack/', 'src/state/'],
  ...['bin/', 'profiles/', 'docker-compose.base.yml', 'package.json', 'package-lock.json', 'scripts/build.mjs', 'scripts/write-cache.cjs'],
  ...['scripts/base-image.sh', 'scripts/prepare.sh', 'scripts/setup-docker.sh', 'vitest.config.ts'],
];

/** Folders whose capabilities are others than their own name; the longest that fits counts. */
export const OTHERS = {
  'src/agent/': ['agent', 'cache', 'database', 'members'],
  'src/agent/logs/': ['logs'],
  'src/host/': ['host', 'doctor'],
  'src/services/agent/': ['agent', 'logs'],
  'src/services/app/': ['app', 'deploy'],
  'src/services/backup/': ['backup'],
  'src/services/cache/': ['cache', 'members'],
  'src/services/crowdsec/': ['bans'],
  'src/services/database/': ['database', 'backup', 'members'],
  'src/services/edge/': ['edge', 'waf'],
  'src/services/monitoring/': ['monitoring', 'alerts'],
  'src/services/suricata/': ['intrusion'],
  'src/services/monitoring/panels/': ['monitoring', 'report'],
  'src/ui/': ['ui', 'cli'],
  'templates/agent/': ['agent', 'alerts', 'logs'],
  'templates/alert-relay/': ['alerts'],
  'templates/alertmanager/': ['alerts', 'monitoring'],
  'templates/all-in-one/': ['app'],
  'templates/app/': ['app', 'deploy'],
  'templates/backup/': ['backup'],
  'templates/backup-copies/': ['backup'],
  'templates/balancer/': ['edge', 'deploy'],
  'templates/bastion/': ['bastion'],
  'templates/blackbox-exporter/': ['monitoring'],
  'templates/crowdsec/': ['bans'],
  'templates/vpn/': ['vpn'],
  'templates/suricata/': ['intrusion'],
  'templates/db-router/': ['database'],
  'templates/edge/': ['edge', 'waf'],
  'templates/edge-bans/': ['bans'],
  'templates/edge-pages/': ['users'],
  'templates/edge-sign-on/': ['users'],
  'templates/egress/': ['app', 'logs', 'stack'],
  'templates/elasticsearch/': ['monitoring'],
  'templates/engine-proxy/': ['agent', 'logs'],
  'templates/etcd/': ['database', 'members'],
  'templates/grafana/': ['monitoring'],
  'templates/jaeger/': ['monitoring'],
  'templates/kibana/': ['monitoring'],
  'templates/log-egress/': ['logs'],
  'templates/lego/': ['certificates'],
  'templates/nginx-exporter/': ['monitoring'],
  'templates/node-exporter/': ['monitoring'],
  'templates/patroni/': ['database', 'backup', 'members'],
  'templates/postgres/': ['app', 'database'],
  'templates/postgres-exporter/': ['monitoring'],
  'templates/prometheus/': ['monitoring', 'alerts'],
  'templates/redis/': ['app', 'cache'],
  'templates/redis-cluster/': ['cache', 'members'],
  'templates/redis-sentinel/': ['cache', 'members'],
  'templates/sentinel/': ['cache', 'members'],
  'templates/provider-egress/': ['users'],
  'templates/sign-on/': ['users'],
  'templates/cache-router/': ['cache', 'monitoring'],
  'templates/redis-exporter/': ['monitoring'],
  'templates/services/': ['monitoring', 'app'],
  'templates/testssl/': ['certificates'],
  // Their recipes are run.
  'docs/': ['cli'],
  'README.md': ['cli'],
  'scripts/quickstart.sh': ['cli'],
};

/** What no end-to-end test looks at; unit tests and checks prove it, which always run. */
const NOTHING = [
  ...['bench/', 'scripts/', 'test/golden/', 'test/browser/', 'test/journey/', 'test/fixtures/', 'test/proof.json', '.ci/', '.github/'],
  ...['.editorconfig', '.gitignore', '.npmrc', '.nvmrc', 'biome.json', 'knip.json', 'tsconfig.json', 'LICENSE'],
  ...['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CODE_OF_CONDUCT.md'],
];

const isIn = (/** @type {string} */ file, /** @type {string} */ place) => (place.endsWith('/') ? file.startsWith(place) : file === place);

/**
 * @param {string} file
 * @returns {'shared' | 'unknown' | string[]} the capabilities; everything for what is shared or has no rule
 */
export function capabilitiesOf(file) {
  if (SHARED.some((place) => isIn(file, place)) || /^src\/(services\/)?[^/]+$/.test(file)) return 'shared';
  const place = Object.keys(OTHERS)
    .filter((one) => isIn(file, one))
    .sort((a, b) => b.length - a.length)[0];
  if (place) return OTHERS[/** @type {keyof typeof OTHERS} */ (place)];
  if (NOTHING.some((one) => isIn(file, one))) return [];
  const [, own] = /^src\/([^/]+)\//.exec(file) ?? [];
  return own ? [own] : 'unknown';
}

/**
 * @param {(commit: string | undefined) => string[] | undefined} changedSince files that changed since a commit; nothing where it is not known
 * @param {TestFile[]} tests
 * @param {(file: string) => string | undefined} provenOn the commit on which a test file passed last
 * @param {(file: string) => Set<string>} uses what a test file uses, itself not among it
 * @returns {Map<string, string>} each test file that is touched since then, with the change that touches it
 */
export function touched(changedSince, tests, provenOn, uses) {
  const found = new Map();
  for (const commit of new Set(tests.map(({ file }) => provenOn(file))))
    touch(
      found,
      changedSince(commit),
      tests.filter(({ file }) => provenOn(file) === commit),
      uses,
    );
  return found;
}

/** @param {Map<string, string>} found @param {string[] | undefined} changed @param {TestFile[]} tests @param {(file: string) => Set<string>} uses */
function touch(found, changed, tests, uses) {
  const note = (/** @type {TestFile[]} */ some, /** @type {string} */ why) => {
    for (const { file } of some) if (!found.has(file)) found.set(file, why);
  };
  if (!changed) note(tests, 'no success is known here');
  for (const file of changed ?? []) {
    const own = tests.filter((test) => test.file === file);
    if (own.length > 0) note(own, 'changed itself');
    else if (/^test\/[^/]+\//.test(file) && !NOTHING.some((place) => isIn(file, place)))
      note(
        tests.filter((test) => [...uses(test.file)].some((used) => used === file || file.startsWith(`${used}/`))),
        file,
      );
    else {
      const capabilities = capabilitiesOf(file);
      note(
        tests.filter(({ capability }) => typeof capabilities === 'string' || capabilities.includes(capability)),
        file,
      );
    }
  }
}
