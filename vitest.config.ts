import { defineConfig } from 'vitest/config';

// A failed comparison tells what it has seen also where only its message is shown.
const chaiConfig = { truncateThreshold: 500 };
const suite = (name: string, include: string[], options: object = {}) => ({
  test: { name, include, chaiConfig, setupFiles: 'test/support/tell-runs.ts', ...options },
});
const images = 'test/support/images.ts';
/** The tests that need the portal's own PostgreSQL and Redis, which are started once for all of them. */
const PORTAL = ['test/app/contract/portal*.test.ts', 'test/cache/contract/redis-cluster*.test.ts', 'test/edge/contract/edge.test.ts'];
/** A file that measures under load, or looks at the engine as a whole: no other runs beside it. */
const ALONE = 'test/*/{e2e,deep}/*.alone.test.ts';
const contract = { testTimeout: 60_000, hookTimeout: 180_000, fileParallelism: false };
const stacks = { testTimeout: 240_000, hookTimeout: 600_000, globalSetup: images };

/** A project for each kind of test. `scripts/test.sh` runs them, those that need an engine file by file. */
export default defineConfig({
  test: {
    projects: [
      // Some make RSA keys, which a busy machine takes its time for.
      suite('unit', ['test/*/unit/*.test.ts'], { testTimeout: 20_000 }),
      suite('golden', ['test/golden/*.test.ts']),
      suite('contract', ['test/*/contract/*.test.ts'], { ...contract, exclude: PORTAL, globalSetup: images }),
      suite('portal', PORTAL, { ...contract, globalSetup: [images, 'test/support/portal-servers.ts'] }),
      suite('cli', ['test/*/cli/*.test.ts'], { testTimeout: 30_000 }),
      suite('journey', ['test/journey/*.test.ts'], { ...stacks, testTimeout: 600_000, fileParallelism: false }),
      // What waits for containers most of its time: two files at once on two cores.
      suite('e2e', ['test/*/e2e/*.test.ts'], { ...stacks, exclude: [ALONE], maxWorkers: 2 }),
      suite('deep', ['test/*/deep/*.test.ts'], { ...stacks, exclude: [ALONE], maxWorkers: 2 }),
      suite('alone', [ALONE], { ...stacks, fileParallelism: false }),
      suite('browser', ['test/browser/*.test.ts'], { ...stacks, testTimeout: 120_000, fileParallelism: false }),
    ],
  },
});
