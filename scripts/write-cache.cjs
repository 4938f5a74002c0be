// Runs the commands whose start-up counts, as far as they go without an engine, and writes V8's code cache of the program.
const { mkdtempSync, rmSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const launch = require('../dist/launch.cjs');

const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-build-'));
process.chdir(folder);
process.env.DOCKER_HOST = `unix://${folder}/none.sock`;
process.stderr.write = () => true;
(async () => {
  const { main, script } = launch.load();
  for (const args of [
    ['--help'],
    ['render', '--profile', 'dev-compose'],
    ['status', '--profile', 'dev-compose'],
    ['up', '--profile', 'dev-compose'],
    ['certs', 'renew', '--profile', 'dev-compose'],
  ]) {
    await main.main(args);
  }
  writeFileSync(launch.cacheFile, script.createCachedData());
  process.exitCode = 0;
  rmSync(folder, { recursive: true, force: true });
})();
