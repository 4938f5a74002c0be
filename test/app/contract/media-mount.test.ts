import { expect, it } from 'vitest';
import { dockerCli } from '../../../src/docker/compose.ts';
import { mountOnce, proveMount } from '../../../src/reconcile/media-check.ts';
import { docker } from '../../support/cli.ts';
import { load, stackOf } from '../../support/settings.ts';

/** Any image that is there: of the portal's own only the name is asked for. */
const IMAGE = 'debian:trixie-slim';
/** Volumes of this test, told by an option that nobody else uses. */
async function left(): Promise<string[]> {
  const names = (await docker(['volume', 'ls', '--quiet'])).stdout.split('\n').filter(Boolean);
  const options = (await docker(['volume', 'inspect', '--format', '{{json .Options}}', ...names])).stdout.split('\n');
  return options.filter((line) => line.includes('nr_inodes'));
}
const volumeOf = (options: string) =>
  stackOf(
    load({
      file: `app: { media: { kind: nfs, server: 127.0.0.1, export: '/our "films"', options: '${options}' } }`,
      flags: { profile: 'dev' },
    }),
  )
    .services.flatMap(({ mounts }) => mounts)
    .find(({ nfs }) => nfs);

// Many a kernel has no NFS, this engine's may be one of them. What is proven is that the engine is asked as it has to be:
// options with commas arrive whole (nr_inodes is refused where it is not a number), and nothing stays behind.
it('mounts with options as they are given, and leaves nothing behind', async () => {
  const tmpfs = (o: string) => mountOnce({ type: 'tmpfs', device: 'tm"pf,s', o }, IMAGE, dockerCli);
  expect(await tmpfs('size=1m,nr_inodes=8,nosuid')).toBeUndefined();
  expect(await tmpfs('size=1m,nr_inodes=eight,nosuid')).toBe('invalid argument');
  expect(await left()).toEqual([]);
});

it('says in words that a server’s export cannot be mounted', async () => {
  const { nfs } = volumeOf('port=9') ?? {};
  if (!nfs) throw new Error('no NFS mount was rendered');
  await expect(proveMount(nfs, IMAGE, dockerCli)).rejects.toMatchObject({
    code: 'MEDIA_UNREACHABLE',
    message: expect.stringMatching(
      /^the NFS server 127\.0\.0\.1 answers, but \/our "films" cannot be mounted from it with nfsvers=4\.2,.*: [a-z ]+; nothing was changed$/,
    ),
  });
});
