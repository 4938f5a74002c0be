import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME, run } from '../../support/cli.ts';

it('the commands whose code is cached run to the end of what an empty engine lets them do', async () => {
  const { status, stdout, stderr } = await run(process.execPath, [path.join(HOME, 'dist/write-cache.cjs'), 'main', 'aloud']);
  expect([status, stderr]).toEqual([0, expect.not.stringContaining('fault in medianest')]);
  expect(stderr).toMatch(/--offline neither builds nor pulls/);
  for (const end of ['compose.yml', 'up starts it', '- start and wait until healthy: ', '- issue certificate edge'])
    expect(stdout).toContain(end);
});
