import { defineConfig } from 'vitest/config';

// A failed comparison tells what it has seen also where only its message is shown.
const chaiConfig = { truncateThreshold: 500 };
const suite = (name: string, options: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], chaiConfig, setupFiles: 'test/support/tell-runs.ts', ...options },
});

/** One project for each suite; `scripts/test.sh` runs them in this order. */
export default defineConfig({
  test: {
    projects: [
      // Some make RSA keys, which a busy machine takes its time for.
      suite('unit', { testTimeout: 20_000 }),
      suite('golden'),
      suite('contract', {
        testTimeout: 60_000,
        hookTimeout: 180_000,
        globalSetup: ['test/support/images.ts', 'test/support/portal-servers.ts'],
        fileParallelism: false,
      }),
      suite('cli', { testTimeout: 30_000 }),
      // What waits for containers most of its time: two files at once on two cores.
      suite('e2e', { testTimeout: 240_000, hookTimeout: 600_000, globalSetup: 'test/support/images.ts', maxWorkers: 2 }),
      // What measures under load, or looks at the engine as a whole: one file at a time.
      suite('alone', { testTimeout: 240_000, hookTimeout: 600_000, globalSetup: 'test/support/images.ts', fileParallelism: false }),
      suite('browser', { testTimeout: 120_000, hookTimeout: 600_000, globalSetup: 'test/support/images.ts', fileParallelism: false }),
    ],
  },
});
