// Bundles the program to dist/ (start-up time is most of what a command costs), the agent into its image's folder, and each
// dependency of the reference portal to one file, so that its image needs no npm.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import Handlebars from 'handlebars';

const home = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const { version } = JSON.parse(readFileSync(path.join(home, 'package.json'), 'utf8'));
const common = {
  bundle: true,
  platform: 'node',
  target: 'node20',
  minify: true,
  logLevel: 'warning',
  legalComments: 'linked',
  absWorkingDir: home,
};

// dockerode loads an SSH client and gRPC for features that are not used here (an ssh:// engine, BuildKit sessions);
// they are two thirds of its start-up time.
const withoutUnused = {
  name: 'without-unused',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^(ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/ }, ({ path: name }) => ({ path: name, namespace: 'unused' }));
    onLoad({ filter: /.*/, namespace: 'unused' }, () => ({ contents: 'module.exports = {};' }));
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

const dist = path.join(home, 'dist');
rmSync(dist, { recursive: true, force: true });
const program = { ...common, format: 'cjs', define: { MEDIANEST_VERSION: JSON.stringify(version), 'import.meta.url': '__moduleUrl' } };
await build({
  ...program,
  entryPoints: ['src/main.ts'],
  outfile: 'dist/main.cjs',
  banner: { js: "const __moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
  plugins: [withoutUnused, withTemplates],
});
const bundle = readFileSync(path.join(dist, 'main.cjs'));
if (bundle.some((byte) => byte > 127)) throw new Error('dist/main.cjs is not ASCII, as src/launch.ts reads it');
const mainHash = createHash('sha256').update(bundle).digest('hex').slice(0, 12);
await build({
  ...program,
  entryPoints: ['src/launch.ts'],
  outfile: 'dist/launch.cjs',
  define: { ...program.define, MAIN_HASH: JSON.stringify(mainHash) },
});
// In a process of its own: what the commands below have run is compiled, and kept in the cache.
execFileSync(process.execPath, [path.join(home, 'scripts/write-cache.cjs')], { stdio: ['ignore', 'ignore', 'inherit'] });

const agentImage = path.join(home, 'templates/agent/image');
rmSync(path.join(agentImage, 'vendor'), { recursive: true, force: true });
await build({
  ...common,
  entryPoints: ['src/agent/main.ts'],
  outfile: path.join(agentImage, 'vendor/agent.cjs'),
  format: 'cjs',
  // Read in the logs of a running stack.
  minify: false,
});

const portal = path.join(home, 'templates/app/image');
const vendor = path.join(portal, 'vendor');
rmSync(vendor, { recursive: true, force: true });
for (const name of Object.keys(JSON.parse(readFileSync(path.join(portal, 'package.json'), 'utf8')).dependencies)) {
  await build({
    ...common,
    // As `require` would find it: some packages have another entry for `import`.
    stdin: { contents: `module.exports = require('${name}')`, resolveDir: portal },
    outfile: path.join(vendor, name, 'index.cjs'),
    format: 'cjs',
    keepNames: true,
    // Optional parts that their packages try to load.
    external: ['pg-native', 'supports-color'],
  });
  writeFileSync(path.join(vendor, name, 'package.json'), `${JSON.stringify({ name, main: 'index.cjs' })}\n`);
}
