import { expect, it } from 'vitest';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { registry } from '../../../src/services/index.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';

const refs = ['dev', 'prod'].flatMap((profile) =>
  stackOf(load({ flags: { profile } }), registry, ((folder: string) => hashImageSource(HOME, folder)) as () => string).services.map(
    ({ image }) => image.ref,
  ),
);

it('knows the images of all services', () => {
  expect(new Set(refs).size).toBeGreaterThan(9);
});

it.each([...new Set(refs)])('no program of %s runs with the rights of another than who starts it', async (ref) => {
  const inside = ['run', '--rm', '--network', 'none', '--pull', 'never', '--user', '0:0', '--entrypoint', 'find', ref];
  expect(await docker([...inside, '/', '-xdev', '-type', 'f', '-perm', '/6000'])).toEqual({ status: 0, stdout: '', stderr: '' });
  // The image holds programs at all, and find sees them.
  expect((await docker([...inside, '/usr/bin/passwd', '/usr/bin/su', '-perm', '/111'])).stdout).toBe('/usr/bin/passwd\n/usr/bin/su\n');
});
