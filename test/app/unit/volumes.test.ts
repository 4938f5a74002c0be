import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { filePlaces, leftInSet } from '../../../src/backup/plan/holds.ts';
import { previewSettings, previewVolumes } from '../../../src/backup/plan/preview-compose.ts';
import { measured } from '../../../src/backup/plan/restic.ts';
import { ownerSteps } from '../../../src/reconcile/plan/volume-owners.ts';
import { appSettings } from '../../../src/services/app/portal.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const built = (app: Record<string, unknown>, profile = 'prod') => stackOf(load({ file: stringify({ app }), flags: { profile } }));
const composed = (app: Record<string, unknown>) =>
  parse(rendered(built(app)).files[0]?.contents ?? '') as {
    services: Record<string, { volumes: { source: string; target: string }[]; tmpfs: string[]; environment: Record<string, string> }>;
    volumes: object;
  };

const VOLUMES = {
  downloads: { path: '/data' },
  cache: { path: '/var/cache/app', backup: false },
  index: { path: '/index', shared: false },
};

describe('volumes of the application', () => {
  it('are mounted by every replica, shared or one for each', () => {
    const { services, volumes } = composed({ volumes: VOLUMES, replicas: 2, migrate: ['x'] });
    const of = (name: string) =>
      services[name]?.volumes.filter(({ source }) => source.startsWith('own-')).map(({ source, target }) => `${source} ${target}`);
    expect(of('app-1')).toEqual(['own-cache /var/cache/app', 'own-downloads /data', 'own-index.app-1 /index']);
    expect(of('app-2')).toEqual(['own-cache /var/cache/app', 'own-downloads /data', 'own-index.app-2 /index']);
    expect(of('app-migrate')).toEqual(['own-cache /var/cache/app', 'own-downloads /data']);
    expect(services['app-1']?.volumes[0]).toMatchObject({ source: 'uploads', target: '/srv/uploads' });
    expect(Object.keys(volumes)).toEqual(expect.arrayContaining(['own-cache', 'own-downloads', 'own-index.app-1', 'own-index.app-2']));
  });

  it('belong to its user from the first start', () => {
    const stack = built({ volumes: VOLUMES, replicas: 1, user: '20000:20001' });
    const steps = ownerSteps(stack, stack.services, { volumeOwners: {} });
    const own = steps.flatMap((step) => (step.kind === 'own-volume' ? [`${step.volume} ${step.uid}:${step.gid}`] : []));
    expect(own).toEqual(expect.arrayContaining(['own-cache 20000:20001', 'own-downloads 20000:20001', 'own-index.app-1 20000:20001']));
  });

  it('are in backups and previews, but for those that need not be kept', () => {
    const stack = built({ volumes: VOLUMES, replicas: 2 });
    const places = filePlaces(stack);
    expect(places.map(({ part }) => part)).toEqual([
      'uploads',
      'volumes/own-downloads',
      'volumes/own-index.app-1',
      'volumes/own-index.app-2',
    ]);
    expect(previewVolumes('look', places)).toContain('look_own-downloads');
  });

  it('that a set has and the settings have no more are told when it is restored', () => {
    const parts = ['uploads', 'volumes', 'volumes/own-downloads', 'volumes/own-old', 'volumes/own-index.app-3', 'redis/redis-1'];
    const places = filePlaces(built({ volumes: VOLUMES, replicas: 2 }));
    expect(leftInSet(parts, places)).toMatch(/^not restored: own-old, own-index\.app-3, /);
    expect(leftInSet(['uploads', 'volumes/own-downloads'], places)).toBeUndefined();
  });

  it('are measured each by itself', () => {
    expect(measured("du: cannot access '/source/x'\n4096\t/source/uploads\n12\t/source/volumes/own-a\n")).toEqual({
      uploadsBytes: 4096,
      volumesBytes: { 'volumes/own-a': 12 },
    });
    expect(measured('7\t/source/uploads\n')).toEqual({ uploadsBytes: 7 });
    expect(measured('')).toEqual({});
  });

  it('leave the uploads where the settings say', () => {
    const { services } = composed({ uploadsPath: '/app/files' });
    expect(services['app-1']?.volumes[0]).toMatchObject({ source: 'uploads', target: '/app/files' });
    expect(services['app-1']?.environment.UPLOADS_PATH).toBe('/app/files');
  });

  it('leave folders in memory beside them', () => {
    expect(composed({ writable: ['/app/cache'], user: '20000' }).services['app-1']?.tmpfs).toEqual([
      '/tmp:mode=1777',
      '/app/cache:uid=20000,gid=20000,mode=0700',
    ]);
    expect(composed({}).services['app-1']?.tmpfs).toEqual(['/tmp:mode=1777']);
  });

  it.each([
    [{ volumes: { a: { path: '/x' }, b: { path: '/x' } } }, /app\.volumes\.b\.path is \/x, as app\.volumes\.a\.path is/],
    [{ volumes: { a: { path: '/run/secrets/x' } } }, /where \/run\/secrets has its place/],
    [{ volumes: { a: { path: '/run' } } }, /where \/run\/secrets has its place/],
    [{ volumes: { a: { path: '/srv/uploads' } } }, /app\.uploadsPath is \/srv\/uploads, as app\.volumes\.a\.path is/],
    [{ writable: ['/x', '/x'] }, /app\.writable\.1 is \/x, as app\.writable\.0 is/],
    [{ volumes: { a: { path: '/a/../b' } } }, /should be an absolute path/],
    [{ volumes: { a: { path: '/a:ro' } } }, /should be an absolute path/],
    [{ writable: ['/a,size=1'] }, /should be an absolute path/],
    [{ writable: ['/'] }, /should be an absolute path/],
    [{ volumes: { 'A.b': { path: '/x' } } }, /app\.volumes\.A\.b/],
    [{ uploadsPath: '/srv/media' }, /where \/srv\/media has its place/],
  ])('%j is refused', (app, words) => {
    expect(() => built(app)).toThrow(words);
  });
});

it('a preview needs nothing that variables of the application name', () => {
  const file = stringify({
    app: { secrets: { A: { value: 'x', as: 'env' } }, env: { B: '{external.plex.url}', C: 'kept' } },
    external: { plex: { url: 'http://p:1' } },
  });
  const loaded = load({ file, flags: { profile: 'prod' } });
  const settings = previewSettings(loaded.settings, 'look', ['app', 'postgres', 'redis'], appSettings.shape.media.parse(undefined));
  const app = stackOf({ ...loaded, settings }).services.find(({ name }) => name === 'app-1');
  expect(app?.environment).toMatchObject({ C: 'kept' });
  expect(app?.environment).not.toHaveProperty('B');
  expect(app?.view.hasEntrypoint).toBe(false);
});
