// Bundles the program to dist/ (start-up time is most of what a command costs), the agent and what the backup runs into
// their images' folders, and each dependency of the reference portal to one file, so that its image needs no npm. Beside each:
// the licences of what is bundled, and an SBOM.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import Handlebars from 'handlebars';
import { parse as parseYaml } from 'yaml';
import { bundledPackages, NOTICES, noticesText, SBOM, sbomText } from './notices.mjs';

const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { name, version, license } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  minify: true,
  logLevel: 'warning',
  legalComments: 'external',
  metafile: true,
  absWorkingDir: home,
};
/** Names stay as they are, because people read them in stacks of a running stack's logs. */
const legible = { minifyIdentifiers: false, minify: false, minifyWhitespace: true, minifySyntax: true };
/** Name of each bundle, as its path from here -> esbuild's metafile. */
const bundles = {};
/** What esbuild collected of legal comments, bundle by bundle: it goes into the notices. */
const comments = {};

async function bundle(options) {
  const { metafile } = await build({ ...common, ...options });
  const name = path.relative(home, path.resolve(home, options.outfile));
  bundles[name] = metafile;
  const legal = path.join(home, `${name}.LEGAL.txt`);
  comments[name] = existsSync(legal) ? readFileSync(legal, 'utf8') : '';
  rmSync(legal, { force: true });
}

/** Writes the notices of the bundles whose names start so. */
function writeNotices(folder, title, start = '') {
  const names = Object.keys(bundles).filter((name) => name.startsWith(start));
  const packages = bundledPackages(home, Object.fromEntries(names.map((name) => [name, bundles[name]])));
  const legal = names.map((name) => comments[name]);
  writeFileSync(path.join(folder, NOTICES), noticesText(title, packages, legal));
  return packages;
}

const spinners = JSON.parse(readFileSync(path.join(home, 'node_modules/cli-spinners/spinners.json'), 'utf8'));
/** Stands for parts of packages that are not used here: which module that is -> what stands for it. */
const UNUSED = [
  // dockerode loads an SSH client, gRPC and Protocol Buffers for features that are not used here (an ssh:// engine, BuildKit's
  // sessions and progress); they are two thirds of its start-up time.
  [/^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader|protobufjs)$/, 'module.exports = {};'],
  // Handlebars makes source maps where it is asked to, and has its own way where it cannot.
  [/^source-map$/, 'module.exports = {};'],
  // A copy of Node.js' own streams, which exports those where READABLE_STREAM=disable.
  [/^readable-stream$/, "module.exports = require('node:stream');"],
  // Of node-forge PKCS #12 alone is used, and what that loads itself.
  [/^node-forge$/, "module.exports = require('node-forge/lib/forge'); require('node-forge/lib/pkcs12'); require('node-forge/lib/pki');"],
  // Types of files by their names: every mail says the type of what is attached to it.
  [/\/mime-types\.js$/, "export const detectMimeType = () => 'application/octet-stream'; export const detectExtension = () => 'bin';"],
  // One spinner of eighty is shown, and another one where a terminal has no Unicode.
  [/^\.\/spinners\.json$/, `export default ${JSON.stringify({ dots: spinners.dots, line: spinners.line })};`],
];
/** The portal serves a folder as it is, tests itself by real requests, and has no JSON Type Definitions. */
const UNUSED_IN_PORTAL = [
  [/^glob$/, "exports.glob = () => { throw new Error('@fastify/static lists no files here: leave `wildcard` as it is'); };"],
  [/^light-my-request$/, "module.exports = () => { throw new Error('inject() is not in this bundle'); };"],
  [/^ajv\/dist\/jtd$/, "module.exports = class { constructor() { throw new Error('JSON Type Definitions are not in this bundle'); } };"],
];
const without = (unused) => ({
  name: 'without-unused',
  setup: ({ onResolve, onLoad }) => {
    for (const [filter] of unused)
      onResolve({ filter }, ({ path: name, resolveDir }) => ({ path: name, namespace: 'unused', pluginData: resolveDir }));
    onLoad({ filter: /.*/, namespace: 'unused' }, ({ path: name, pluginData }) => ({
      contents: unused.find(([filter]) => filter.test(name))[1],
      resolveDir: pluginData,
    }));
  },
});

/** A package that is a bundle of its own, which those that need it load from `file`. */
const withShared = (name, file) => ({
  name: 'shared-package',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^${name}$`) }, () => ({ path: file, namespace: 'shared' }));
    onResolve({ filter: /.*/, namespace: 'shared' }, () => ({ path: file, external: true }));
    onLoad({ filter: /.*/, namespace: 'shared' }, () => ({ contents: `module.exports = require('${file}');` }));
  },
});

/** npm installs some packages twice in one version: the first of them by its path stands for all, so that each build gives the same bytes. */
const firstCopy = new Map();
for (const [folder, { version }] of Object.entries(
  JSON.parse(readFileSync(path.join(home, 'package-lock.json'), 'utf8')).packages,
).sort()) {
  const id = `${folder.split('node_modules/').at(-1)}@${version}`;
  if (folder.includes('node_modules/') && !firstCopy.has(id)) firstCopy.set(id, folder);
}
const withoutCopies = {
  name: 'without-copies',
  setup: ({ onLoad }) =>
    onLoad({ filter: /node_modules.*\.[cm]?js$/ }, ({ path: file }) => {
      const [, folder, name, inside] = /^((?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+))\/(.*)$/.exec(path.relative(home, file)) ?? [];
      if (!folder) return undefined;
      const { version } = JSON.parse(readFileSync(path.join(home, folder, 'package.json'), 'utf8'));
      const first = firstCopy.get(`${name}@${version}`) ?? folder;
      return first === folder ? undefined : { contents: `module.exports = require(${JSON.stringify(path.join(home, first, inside))})` };
    }),
};

/** Modules of Node.js that few commands use and that load many others: a fifth of a short command's time. */
const SELDOM = ['child_process', 'dgram', 'dns', 'dns/promises', 'http', 'http2', 'https', 'net', 'perf_hooks', 'tls', 'v8', 'zlib'];
// Each is loaded by the first use of one of its exports. A package that takes an export where it starts still loads the module then.
const withLazyModules = {
  name: 'lazy-modules',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: new RegExp(`^(node:)?(${SELDOM.join('|')})$`) }, ({ path: name, namespace }) => {
      const plain = name.replace(/^node:/, '');
      return namespace === 'lazy' ? { path: name, external: true } : { path: plain, namespace: 'lazy' };
    });
    onLoad({ filter: /.*/, namespace: 'lazy' }, async ({ path: name }) => {
      const names = Object.keys(await import(`node:${name}`)).filter((key) => key !== 'default');
      return {
        contents: `for (const key of ${JSON.stringify(names)})
          Object.defineProperty(exports, key, { enumerable: true, configurable: true, get: () => require('node:${name}')[key] });`,
      };
    });
  },
};

// As the program itself compiles and names them.
const shared = await build({
  ...common,
  stdin: {
    contents: "export * from './src/core/hash.ts'; export * from './src/stack/template-options.ts';",
    resolveDir: home,
  },
  format: 'esm',
  legalComments: 'none',
  write: false,
});
const { shortHash, TEMPLATE_OPTIONS } = await import(`data:text/javascript,${encodeURIComponent(shared.outputFiles[0].text)}`);

// Compiling templates is a third of a `render`.
const withTemplates = {
  name: 'with-templates',
  setup: ({ onLoad }) => {
    onLoad({ filter: /src[\\/]stack[\\/]precompiled\.ts$/ }, () => {
      const files = readdirSync(path.join(home, 'templates'), { recursive: true }).filter((file) => file.endsWith('.hbs'));
      const sources = files.map((file) => readFileSync(path.join(home, 'templates', file), 'utf8'));
      const entries = [...new Set(sources)].map(
        (source) => `${JSON.stringify(shortHash(source))}: ${Handlebars.precompile(source, TEMPLATE_OPTIONS)}`,
      );
      return { contents: `export const precompiled = {${entries.join(',\n')}};`, loader: 'js' };
    });
  },
};

// So that a command parses the operator's own files alone.
const withPreparsed = {
  name: 'with-preparsed',
  setup: ({ onLoad }) => {
    onLoad({ filter: /src[\\/]settings[\\/]startup[\\/]preparsed\.ts$/ }, () => {
      const files = ['docker-compose.base.yml', ...readdirSync(path.join(home, 'profiles')).map((file) => `profiles/${file}`)];
      const texts = files.filter((file) => file.endsWith('.yml')).map((file) => readFileSync(path.join(home, file), 'utf8'));
      const entries = Object.fromEntries(texts.map((text) => [shortHash(text), JSON.stringify(parseYaml(text))]));
      return { contents: `export const preparsed = ${JSON.stringify(entries)};`, loader: 'js' };
    });
  },
};

const dist = path.join(home, 'dist');
rmSync(dist, { recursive: true, force: true });
const program = {
  format: 'cjs',
  define: { MEDIANEST_VERSION: JSON.stringify(version), 'import.meta.url': '__moduleUrl' },
  // `src/launch.ts` runs a script, which has `require` alone.
  supported: { 'dynamic-import': false },
};
await bundle({
  ...program,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  // As Node.js wraps a module; `src/launch.ts` runs it.
  banner: {
    js: "(function (exports, require, module, __filename, __dirname) { const __moduleUrl = require('node:url').pathToFileURL(__filename).href;",
  },
  footer: { js: '})' },
  plugins: [
    without(UNUSED),
    withShared('nodemailer', '../templates/agent/image/vendor/nodemailer.cjs'),
    withTemplates,
    withPreparsed,
    withLazyModules,
  ],
});
const bundled = readFileSync(path.join(dist, 'main.cjs'));
if (bundled.some((byte) => byte > 127)) throw new Error('dist/main.cjs is not ASCII, as src/launch.ts reads it');
const mainHash = createHash('sha256').update(bundled).digest('hex').slice(0, 12);
await bundle({
  ...program,
  entryPoints: ['src/launch.ts'],
  outfile: 'dist/launch.cjs',
  define: { ...program.define, MAIN_HASH: JSON.stringify(mainHash) },
  plugins: [withLazyModules],
});
// In processes of their own: what the commands have run is compiled, and kept in the cache.
copyFileSync(path.join(home, 'scripts/write-cache.cjs'), path.join(dist, 'write-cache.cjs'));
for (const use of ['help', 'main'])
  execFileSync(process.execPath, [path.join(dist, 'write-cache.cjs'), use], { stdio: ['ignore', 'ignore', 'inherit'] });

const agentImage = path.join(home, 'templates/agent/image');
rmSync(path.join(agentImage, 'vendor'), { recursive: true, force: true });
await bundle({
  entryPoints: ['src/agent/main.ts'],
  outfile: path.join(agentImage, 'vendor/agent.cjs'),
  format: 'cjs',
  ...legible,
});
await bundle({
  entryPoints: ['src/alerts/relay/main.ts'],
  outfile: path.join(agentImage, 'vendor/alert-relay.cjs'),
  format: 'cjs',
  plugins: [withShared('nodemailer', './nodemailer.cjs')],
  ...legible,
});
// The program sends mail by it too.
await bundle({
  stdin: { contents: "export { createTransport } from 'nodemailer'", resolveDir: path.join(home, 'src') },
  outfile: path.join(agentImage, 'vendor/nodemailer.cjs'),
  format: 'cjs',
  plugins: [without(UNUSED)],
});

const backupImage = path.join(home, 'templates/backup/image');
rmSync(path.join(backupImage, 'vendor'), { recursive: true, force: true });
await build({
  ...common,
  entryPoints: {
    copies: 'src/backup/copies-service/main.ts',
    'export-set': 'src/backup/export-job/main.ts',
    'restore-database': 'src/backup/restore-job/main.ts',
    'restore-dump': 'src/backup/dump-job/main.ts',
  },
  outdir: path.join(backupImage, 'vendor'),
  outExtension: { '.js': '.cjs' },
  format: 'cjs',
  ...legible,
});

const portal = path.join(home, 'templates/app/image');
const vendor = path.join(portal, 'vendor');
rmSync(vendor, { recursive: true, force: true });
const portalPackage = JSON.parse(readFileSync(path.join(portal, 'package.json'), 'utf8'));
const portalNames = Object.keys(portalPackage.dependencies);
// Those of OpenTelemetry are made of each other: one bundle holds them, and an ES module so that what none of them uses is left out.
const API = '@opentelemetry/api';
const telemetry = portalNames.filter((name) => name.startsWith('@opentelemetry/') && name !== API);
const inVendor = { format: 'cjs', keepNames: true, plugins: [without(UNUSED_IN_PORTAL), withoutCopies] };
/** What esbuild names a function by. */
const NAMER = /\b([\w$]+)=\((\w+),(\w+)\)=>([\w$]+\(\2,"name",\{value:\3,configurable:!0\}\))/;
/**
 * Functions inside functions are named each time they are made, with each request: a quarter of what the portal did. So names are given
 * until the event loop turns, when all modules are loaded: to every function of a module and to every class.
 */
async function bundleInVendor(options) {
  await bundle({ ...inVendor, ...options });
  const code = readFileSync(options.outfile, 'utf8');
  const named = code.replace(NAMER, '$$starts=(setImmediate(()=>{$$starts=!1}),!0),$1=($2,$3)=>$$starts?$4:$2');
  if (named === code) throw new Error(`${options.outfile}: esbuild names functions in another way than NAMER reads`);
  writeFileSync(options.outfile, named);
}
for (const name of portalNames.filter((name) => !telemetry.includes(name))) {
  await bundleInVendor({
    // As `require` would find it: some packages have another entry for `import`.
    stdin: { contents: `module.exports = require('${name}')`, resolveDir: portal },
    outfile: path.join(vendor, name, 'index.cjs'),
    // Optional parts that their packages try to load, and those that are bundles themselves.
    external: ['pg-native', 'supports-color', ...portalNames.filter((other) => other !== name)],
  });
}
await bundleInVendor({
  stdin: { contents: telemetry.map((name) => `export * as '${name}' from '${name}';`).join('\n'), resolveDir: portal },
  outfile: path.join(vendor, '@opentelemetry/telemetry.cjs'),
  mainFields: ['module', 'main'],
  external: [API],
});
for (const name of telemetry) {
  mkdirSync(path.join(vendor, name));
  writeFileSync(path.join(vendor, name, 'index.cjs'), `module.exports = require('../telemetry.cjs')['${name}'];\n`);
}
for (const name of portalNames) writeFileSync(path.join(vendor, name, 'package.json'), `${JSON.stringify({ name, main: 'index.cjs' })}\n`);

// In an image's folder without the program's version: a release alone rebuilds no image.
// `images sbom` reads the SBOMs there.
const inAgent = writeNotices(path.join(agentImage, 'vendor'), 'The agent of medianest', 'templates/agent/');
writeFileSync(path.join(agentImage, 'vendor', SBOM), sbomText({ name: 'medianest-agent' }, inAgent));
const inPortal = writeNotices(vendor, 'The portal of medianest', 'templates/app/');
writeFileSync(path.join(vendor, SBOM), sbomText({ name: portalPackage.name, version: portalPackage.version }, inPortal));
const packages = writeNotices(dist, 'medianest, its agent and its portal');
writeFileSync(
  path.join(dist, SBOM),
  sbomText({ name, version, licenses: [{ license: { id: license } }], purl: `pkg:npm/${name}@${version}` }, packages),
);
// What the tests compare the notices with; it is not published.
writeFileSync(path.join(dist, 'metafiles.json'), JSON.stringify(bundles));
