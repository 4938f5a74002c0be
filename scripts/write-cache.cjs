// Runs the commands whose start-up counts, as far as they go without an engine, and writes V8's code cache of the program. The build
// runs it as dist/write-cache.cjs, and so does the first command of an installed medianest, because a cache fits one Node.js alone.
const { mkdtempSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const launch = require(path.join(__dirname, 'launch.cjs'));

// Nothing of the person's own has a part in it: neither settings nor variables, nor the engine.
const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-build-'));
process.chdir(folder);
writeFileSync('medianest.yml', '{}\n');
for (const name of Object.keys(process.env)) if (!['PATH', 'TMPDIR'].includes(name)) delete process.env[name];
process.env.HOME = folder;
process.env.DOCKER_HOST = `unix://${folder}/none.sock`;
process.stderr.write = () => true;
process.stdout.write = () => true;
(async () => {
  try {
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
    const written = `${launch.cacheFile}.${process.pid}.tmp`;
    writeFileSync(written, script.createCachedData());
    renameSync(written, launch.cacheFile);
    process.exitCode = 0;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
})();
