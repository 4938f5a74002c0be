import { expect, it } from 'vitest';
import { externalCheck } from '../../../src/health/plan/external.ts';

it.each([
  [{ status: 200 }, 'ok', /answers/],
  [{ status: 401 }, 'ok', /answers/],
  [{ status: 302 }, 'ok', /answers/],
  [{ status: 502 }, 'warn', /answers 502/],
  [{ error: 'ECONNREFUSED' }, 'warn', /nothing listens there/],
  [{ error: 'TimeoutError' }, 'warn', /no answer in time/],
  [{ error: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'warn', /certificate is not trusted/],
  [{ error: 'EWHATEVER' }, 'warn', /EWHATEVER/],
])('a service outside with %j is %s', (answer, status, words) => {
  const check = externalCheck('plex', 'http://192.168.1.20:32400', answer);
  expect(check).toMatchObject({ id: 'external.plex', status, message: expect.stringMatching(words) });
  expect(check.message).toContain('external.plex.url');
  expect(check.remedy === undefined).toBe(status === 'ok');
});
