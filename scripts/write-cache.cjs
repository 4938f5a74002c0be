// Runs the commands whose start-up counts and writes V8's code cache of the program: `write-cache.cjs help` or `write-cache.cjs main`. The
// build runs it as dist/write-cache.cjs, and so does the first command of an installed medianest, because a cache fits one Node.js alone.
const { mkdtempSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const launch = require(path.join(__dirname, 'launch.cjs'));

const RUNS = {
  help: [['--help']],
  main: [
    ['render', '--profile', 'dev-compose'],
    ['status', '--profile', 'dev-compose'],
    ['up', '--offline', '--profile', 'dev-compose'],
    ['up', '--dry-run', '--profile', 'dev-compose'],
    ['certs', 'renew', '--dry-run', '--profile', 'dev-compose'],
  ],
};
const use = process.argv[2];

// Nothing of the person's own has a part in it: neither settings nor variables, nor the engine.
const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-build-'));
process.chdir(folder);
writeFileSync('medianest.yml', '{}\n');
for (const name of Object.keys(process.env)) if (!['PATH', 'TMPDIR'].includes(name)) delete process.env[name];
process.env.HOME = folder;
process.env.DOCKER_HOST = `unix://${folder}/engine.sock`;
// A test looks at what they say.
if (process.argv[3] !== 'aloud') for (const stream of [process.stderr, process.stdout]) stream.write = () => true;
// An engine with nothing in it, so that what comes after its first answer is compiled too. `--offline`: nothing is built.
const ANSWERS = { '/version': { Version: '28.0.0', Arch: 'amd64' }, '/info': { MemTotal: 2 ** 40 }, '/volumes': {} };
const engine = http.createServer(({ url }, response) => {
  if (url.startsWith('/images/')) response.statusCode = 404;
  response.setHeader('Content-Type', 'application/json').end(JSON.stringify(ANSWERS[url] ?? []));
});
async function write() {
  try {
    const { main, script } = launch.load(use);
    for (const args of RUNS[use]) await main.main(args);
    const written = `${launch.cacheFile(use)}.${process.pid}.tmp`;
    writeFileSync(written, script.createCachedData());
    renameSync(written, launch.cacheFile(use));
    process.exitCode = 0;
  } finally {
    engine.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
// Where the temporary folder has too long a name for a socket, there is none.
engine.once('error', write).listen(path.join(folder, 'engine.sock'), write);
