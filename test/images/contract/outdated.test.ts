import { expect, it } from 'vitest';
import { folder } from '../../support/command.ts';
import { atMost, seconds } from '../../support/pace.ts';
import { parsed } from '../../support/stack.ts';

it('all images of prod are compared with the mirror in less than 15 s', async () => {
  const own = folder('profile: prod\n');
  const bound = await atMost(15);
  let run = { status: null as number | null, stdout: '', stderr: '' };
  const took = await seconds(async () => {
    run = await own.run(['images', 'outdated', '--json']);
  });
  expect([0, 3]).toContain(run.status);
  expect(parsed<{ updates: unknown[] }>(run).updates).toEqual(expect.any(Array));
  expect(took).toBeLessThan(bound);
});
