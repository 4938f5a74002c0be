import { expect, it } from 'vitest';
import { folder, tree } from '../../support/command.ts';

it('a reason that CRLs do not know is a mistake of the command line, told before anything is read', async () => {
  const { dir, run } = folder('profile: prod\n');
  const before = tree(dir);
  const { status, stdout } = await run(['certs', 'revoke', 'anna', '--reason', 'lost', '--json']);
  expect(status).toBe(2);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect(error).toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining('--reason lost: should be one of unspecified, keyCompromise'),
  });
  expect(tree(dir)).toEqual(before);
});
