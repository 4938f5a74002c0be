import { expect, it } from 'vitest';
import { folder, json } from '../../support/command.ts';

it('certs test of a closed port fails, and says that it could not connect', { timeout: 600_000 }, async () => {
  const own = folder('profile: dev-compose\n');
  const { status, stdout } = await own.run(['certs', 'test', '127.0.0.1:9', '--json', '--quiet']);
  expect([status, json(stdout).error]).toEqual([
    1,
    expect.objectContaining({
      code: 'CERTIFICATE_FAILED',
      message: expect.stringMatching(/could not test 127\.0\.0\.1:9 \(status \d+\): .+/),
      hint: expect.stringContaining('a TLS server listens there'),
    }),
  ]);
});
