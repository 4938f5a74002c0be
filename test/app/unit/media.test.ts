import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { nfsOptions, nfsOptionsProblem } from '../../../src/services/app/nfs-options.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

type Compose = {
  services: Record<string, { volumes: Record<string, unknown>[]; environment: Record<string, string> }>;
  volumes: Record<string, { driver_opts?: { o: string } }>;
  networks: Record<string, { internal?: boolean }>;
};

function compose(media: Record<string, unknown>, flags = { profile: 'dev-compose' }) {
  const stack = stackOf(load({ file: stringify({ app: { media }, components: { edge: false } }), flags }));
  return { stack, file: parse(rendered(stack).files.find(({ path: name }) => name === 'compose.yml')?.contents ?? '') as Compose };
}
const mediaOf = (file: Compose, service = 'app-1') => file.services[service]?.volumes.find(({ target }) => target === '/srv/media');
const NFS = { kind: 'nfs', server: 'nas.lan', export: '/volume1/Our $films' };

describe('media', () => {
  it('is a volume that Docker makes, unless something else is asked for', () => {
    const { file } = compose({});
    expect(mediaOf(file)).toEqual({ type: 'volume', source: 'media', target: '/srv/media', volume: { nocopy: true } });
    expect(Object.keys(file.volumes)).toContain('media');
  });

  it('is a folder of this host, read-only unless said otherwise, and never made by Docker', () => {
    const bind = { type: 'bind', source: '/films', target: '/srv/media', bind: { create_host_path: false } };
    expect(mediaOf(compose({ kind: 'bind', path: '/films' }).file)).toEqual({ ...bind, read_only: true });
    expect(mediaOf(compose({ kind: 'bind', path: '/films', readOnly: false }).file)).toEqual(bind);
    expect(mediaOf(compose({ kind: 'bind', path: '/films' }, { profile: 'dev' }).file, 'all-in-one')).toMatchObject(bind);
  });

  it('is an NFS export as a volume of Docker’s own driver, which copies nothing into it', () => {
    const { file } = compose(NFS);
    const mount = mediaOf(file) as { source: string };
    expect(mount).toEqual({
      type: 'volume',
      source: expect.stringMatching(/^media-nfs-/),
      target: '/srv/media',
      read_only: true,
      volume: { nocopy: true },
    });
    expect(file.volumes[mount.source]).toMatchObject({
      driver: 'local',
      driver_opts: {
        type: 'nfs',
        o: 'addr=nas.lan,nfsvers=4.2,soft,timeo=50,retrans=1,ro,noatime,nosuid,nodev,noexec',
        device: ':/volume1/Our $$films',
      },
    });
    expect(Object.keys(file.volumes)).not.toContain('media');
  });

  it('has another volume for another definition: Docker would keep the old options in silence', () => {
    const name = (more: object) => (mediaOf(compose({ ...NFS, ...more }).file) as { source: string }).source;
    const names = [
      name({}),
      name({ server: 'nas2.lan' }),
      name({ export: '/other' }),
      name({ options: 'nfsvers=4.1' }),
      name({ readOnly: false }),
    ];
    expect(new Set(names).size).toBe(names.length);
    expect(name({})).toBe(names[0]);
  });

  it('is an object storage handed to the app: its keys as files, and a way out to it alone', () => {
    const object = {
      kind: 'object',
      endpoint: 'https://s3.example.org',
      bucket: 'films',
      accessKey: 'AK',
      secretKey: 's3cret',
      prefix: 'hd/',
    };
    const { file, stack } = compose(object);
    expect(mediaOf(file)).toBeUndefined();
    expect(file.services['app-1']?.environment).toMatchObject({
      S3_ENDPOINT: 'https://s3.example.org',
      S3_BUCKET: 'films',
      S3_REGION: 'us-east-1',
      S3_ACCESS_KEY_FILE: '/run/secrets/s3-access-key',
      S3_SECRET_KEY_FILE: '/run/secrets/s3-secret-key',
      S3_PREFIX: 'hd/',
    });
    expect(file.services['app-1']?.environment).not.toHaveProperty('MEDIA_PATH');
    expect(stack.services.find(({ name }) => name === 'app-1')?.secrets.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['s3-access-key', 's3-secret-key']),
    );
    expect(JSON.stringify(file)).not.toContain('s3cret');
    expect(stack.services.find(({ name }) => name === 'egress-media')?.networks).toEqual(['app', 'out']);
    expect(file.networks.app?.internal).toBe(true);
    expect(file.networks.out?.internal).toBeUndefined();
    expect(compose({}).file.networks).not.toHaveProperty('out');
  });

  it.each<[string, object, RegExp]>([
    ['a folder that is not named', { kind: 'bind' }, /app\.media\.path: is needed with `kind: bind`/],
    ['a server that is not named', { kind: 'nfs', export: '/x' }, /app\.media\.server: is needed/],
    [
      'an object storage without keys',
      { kind: 'object', endpoint: 'https://s3', bucket: 'abc' },
      /accessKey: is needed[\s\S]*secretKey: is needed/,
    ],
    ['an export that is no path', { ...NFS, export: 'films' }, /app\.media\.export: should be the path that the server exports/],
    ['a server with an option in its name', { ...NFS, server: 'nas,suid' }, /app\.media\.server: should be a lower-case host name/],
    ['an unknown option', { ...NFS, options: 'soft,bg' }, /"bg" is not a mount option that can be used here/],
    ['readOnly said twice', { ...NFS, options: 'rw', readOnly: true }, /say `readOnly`, or ro or rw here/],
    ['a bucket that is none', { kind: 'object', bucket: 'A' }, /should be a bucket’s name/],
  ])('is refused with %s', (_case, media, words) => {
    expect(() => compose(media as Record<string, unknown>)).toThrow(words);
  });
});

describe('NFS options', () => {
  it.each([
    ['', true, 'nfsvers=4.2,soft,timeo=50,retrans=1,ro,noatime,nosuid,nodev,noexec'],
    ['', false, 'nfsvers=4.2,hard,timeo=600,retrans=2,rw,noatime,nosuid,nodev,noexec'],
    ['vers=3, nolock', true, 'soft,timeo=50,retrans=1,ro,noatime,nosuid,nodev,noexec,vers=3,nolock'],
    ['rw,softerr', true, 'nfsvers=4.2,timeo=600,retrans=2,noatime,nosuid,nodev,noexec,rw,softerr'],
  ])('%j read-only %s become %s', (own, readOnly, text) => {
    expect(nfsOptions(own, readOnly).text).toBe(text);
  });

  it.each([
    ['nfsvers=5', /nfsvers needs a value that fits/],
    ['timeo', /timeo needs a value/],
    ['soft=1', /soft takes no value/],
    ['hard,soft', /hard and soft contradict each other/],
    ['vers=4.1,nfsvers=4.2', /contradict/],
    ['suid', /is not a mount option/],
    ['constructor', /is not a mount option/],
    ['addr=10.0.0.1', /is not a mount option/],
    ['rsize=1e9', /rsize needs a value/],
  ])('refuses %j', (own, words) => {
    expect(nfsOptionsProblem(own)).toMatch(words);
  });

  it('knows another port, for the check as well', () => {
    expect(nfsOptions('port=12049', true)).toMatchObject({ port: 12049, readOnly: true });
    expect(nfsOptions('', true).port).toBe(2049);
  });
});
