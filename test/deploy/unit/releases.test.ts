import { describe, expect, it } from 'vitest';
import { shortHash } from '../../../src/core/hash.ts';
import { keepServing } from '../../../src/deploy/plan/deploy.ts';
import {
  currentRelease,
  interruptedRelease,
  isSameVersion,
  nextRelease,
  previousRelease,
  type Release,
  settleInterrupted,
  withRelease,
} from '../../../src/deploy/plan/releases.ts';
import { inSafeOrder, updateMarks } from '../../../src/images/plan/updates.ts';
import { parseBalancerStats } from '../../../src/services/app/balancer-stats.ts';
import { appIdentity, applyOverrides, appVersion, type Overrides } from '../../../src/stack/overrides.ts';
import { load, stackOf } from '../../support/settings.ts';

const release = (id: string, image: string, result: Release['result'] = 'deployed', settings = 's'): Release => ({
  id,
  image,
  imageId: `sha256:${image}`,
  digests: [],
  settings,
  version: {},
  time: '2026-01-01T00:00:00Z',
  user: 'ops',
  command: 'deploy',
  result,
  seconds: 1,
});

describe('releases', () => {
  it('are numbered on, whatever was dropped or damaged', () => {
    expect([nextRelease([]), nextRelease([release('r9', 'a'), release('r10', 'b')]), nextRelease([release('x', 'a')])]).toEqual([
      'r1',
      'r11',
      'r1',
    ]);
  });
  it('serve when they were deployed, not when they were reverted or stopped', () => {
    const list = [release('r1', 'a'), release('r2', 'b', 'reverted'), release('r3', 'c', 'running')];
    expect([currentRelease(list)?.id, interruptedRelease(list, undefined)?.id]).toEqual(['r1', 'r3']);
  });
  it('that were stopped half-way are taken back, but not the one that was ordered by then', () => {
    const list = [release('r1', 'a'), release('r2', 'b', 'running'), release('r3', 'c', 'running')];
    expect(settleInterrupted(list, 'r3').map(({ id, result }) => [id, result])).toEqual([
      ['r2', 'reverted'],
      ['r3', 'deployed'],
    ]);
    expect([interruptedRelease(list, 'r3')?.id, interruptedRelease([release('r1', 'a', 'running')], 'r1')]).toEqual(['r2', undefined]);
  });
  it('are the same version with the same images of processes, in whichever order medianest.yml has these', () => {
    const images = { a: { image: 'a', imageId: '1', digests: [] }, b: { image: 'b', imageId: '2', digests: [] } };
    const [one, other] = [release('r1', 'x'), release('r2', 'x')];
    expect(isSameVersion({ ...one, images }, { ...other, images: { b: images.b, a: images.a } })).toBe(true);
    expect(isSameVersion({ ...one, images }, { ...other, images: { ...images, b: images.a } })).toBe(false);
  });
  it('never take the name of what is ordered, also where their list was lost', () => {
    expect([nextRelease([], 'r7'), nextRelease([release('r9', 'a')], 'r7')]).toEqual(['r8', 'r10']);
  });
  it.each([
    ['the one before', [release('r1', 'a'), release('r2', 'b')], 'r1'],
    ['past a reverted one', [release('r1', 'a'), release('r2', 'b', 'reverted'), release('r3', 'c')], 'r1'],
    ['past the same image with the same settings', [release('r1', 'a'), release('r2', 'b'), release('r3', 'b')], 'r1'],
    ['to other settings of the same image', [release('r1', 'b', 'deployed', 'old'), release('r2', 'b')], 'r1'],
    ['nowhere from the first', [release('r1', 'a')], undefined],
    ['nowhere without any', [], undefined],
  ])('go back %s', (_name, list, expected) => {
    expect(previousRelease(list)?.id).toBe(expected);
  });
  it('are kept, twenty of them, never without the one that serves', () => {
    const failed = Array.from({ length: 30 }, (_, i) => release(`r${i + 2}`, 'x', 'reverted'));
    const kept = withRelease([release('r1', 'a'), ...failed], release('r32', 'y', 'reverted'));
    expect([kept.length, kept[0]?.id, kept[1]?.id, kept.at(-1)?.id]).toEqual([21, 'r1', 'r13', 'r32']);
  });
  it('are changed in place', () => {
    expect(withRelease([release('r1', 'a', 'running')], release('r1', 'a'))).toEqual([release('r1', 'a')]);
  });
});

describe('what serves', () => {
  const portal = { name: 'app', ref: 'portal:1' };
  const app = { image: 'mine:1', port: 3000 };
  const serving = { ...release('r1', 'mine:1', 'deployed', shortHash(appVersion(app))), version: appVersion(app) };
  const keep = (before: Overrides, file: { image?: string; port?: number }, named: string | undefined = serving.imageId) =>
    keepServing(before, serving, { app: file, portal }, { [serving.image]: named }, 'x').app;
  const pinned = (file: object, ref: string) => ({ release: 'r1', ref, version: serving.version, instead: appIdentity(file, 'portal:1') });
  it('is what medianest.yml says, where nothing has moved on', () => {
    expect([keep({}, app), keepServing({}, undefined, { app, portal }, {}, 'x')]).toEqual([undefined, {}]);
  });
  it('is kept where medianest.yml says something else by now', () => {
    const edited = { ...app, image: 'mine:2' };
    expect(keep({}, edited)).toEqual(pinned(edited, 'mine:1'));
    expect(keep({}, { ...app, port: 4000 })).toEqual(pinned({ ...app, port: 4000 }, 'mine:1'));
  });
  it.each([['sha256:other'], ['']])('is kept by the name that protects it, where its own leads to %j', (named) => {
    expect(keep({}, app, named)).toEqual(pinned(app, 'medianest/x-release:r1'));
  });
  it('is kept as it was ordered, where that would lapse', () => {
    const order = pinned(app, 'medianest/x-release:r1');
    expect(keep({ app: order }, app)).toEqual(order);
    expect(keep({ app: order }, { image: 'mine:3' })).toEqual({ ...order, instead: appIdentity({ image: 'mine:3' }, 'portal:1') });
  });
});

describe('orders', () => {
  const settings = load({ flags: { profile: 'prod' } }).settings;
  const app = settings.app as object;
  const order = {
    release: 'r2',
    ref: 'medianest/x-release:r2',
    version: { ...appVersion(app), env: { A: '1' } },
    instead: appIdentity(app, 'portal:1'),
  };
  it('of a release hold while medianest.yml and the portal are what they were', () => {
    expect(applyOverrides(settings, { app: order }, () => 'portal:1').settings.app).toMatchObject({ env: { A: '1' }, replicas: 3 });
    expect(applyOverrides(settings, { app: order }, () => 'portal:2').overrides).toEqual({});
    const edited = { ...settings, app: { ...app, env: { B: '2' } } };
    expect(applyOverrides(edited, { app: order }, () => 'portal:1').settings.app).toMatchObject({ env: { B: '2' } });
  });
  it('of a number of replicas hold as long as the balancer has slots for them', () => {
    const count = (maxReplicas: number) =>
      applyOverrides({ ...settings, app: { ...app, maxReplicas } }, { replicas: { count: 5, instead: 3 } }, () => '').settings.app;
    expect([count(5), count(4)]).toMatchObject([{ replicas: 5 }, { replicas: 3 }]);
  });
  it('of a release take away what it did not have', () => {
    const own = { ...settings, app: { ...app, image: 'mine:2' } };
    const held = applyOverrides(own, { app: { ...order, instead: appIdentity(own.app, 'portal:1') } }, () => 'portal:1');
    expect((held.settings.app as { image?: string }).image).toBeUndefined();
  });
  it('of a release reach the containers', () => {
    const stack = stackOf(load({ flags: { profile: 'prod' } }), undefined, undefined, {
      app: {
        ...order,
        instead: appIdentity(
          app,
          stackOf(load({ flags: { profile: 'prod' } })).services.find(({ name }) => name === 'app-1')?.image.ref ?? '',
        ),
      },
    });
    expect(stack.services.find(({ name }) => name === 'app-2')).toMatchObject({
      image: { ref: 'medianest/x-release:r2' },
      environment: { A: '1' },
    });
  });
  it('of an update give the image another name, and no other', () => {
    const refs = (updates?: Record<string, string>) =>
      Object.fromEntries(
        stackOf(load({ flags: { profile: 'prod' } }), undefined, undefined, updates && { updates }).images.map(({ name, ref }) => [
          name,
          ref,
        ]),
      );
    const [before, after] = [refs(), refs({ redis: 'abc' })];
    expect(Object.keys(before).filter((name) => before[name] !== after[name])).toEqual(['redis']);
  });
});

describe('updates', () => {
  const packages = [
    { name: 'libssl3t64', from: '3.5.1-1', to: '3.5.4-1~deb13u2' },
    { name: 'openssl', from: '3.5.1-1', to: '3.5.4-1~deb13u2' },
  ];
  it('mark an image by what is newer in it, and keep the marks of others', () => {
    const marks = updateMarks([{ image: 'edge', ref: 'e:1', packages }], { redis: 'old' });
    expect(marks).toEqual({ redis: 'old', edge: expect.stringMatching(/^[0-9a-f]{12}$/) });
    expect(updateMarks([{ image: 'edge', ref: 'e:1', packages }], marks)).toEqual(marks);
    expect(updateMarks([{ image: 'edge', ref: 'e:2', packages }], marks).edge).not.toBe(marks.edge);
  });
  it('reach the data first and the way in last', () => {
    const orderOf = (file: string) => {
      const { services } = stackOf(load({ file }));
      return inSafeOrder(services, services);
    };
    expect(orderOf('profile: prod\n')).toEqual([
      'node-exporter',
      'postgres-exporter',
      'redis-exporter',
      'blackbox-exporter',
      'nginx-exporter',
      'alertmanager',
      'prometheus',
      'engine-proxy',
      'agent',
      'backup',
      'etcd',
      'redis-cluster',
      'patroni',
      'db-router',
      'sign-on',
      'balancer',
      'app',
      'edge',
    ]);
    expect(orderOf('profile: dev-compose\n')).toEqual(['backup', 'redis', 'postgres', 'app', 'edge']);
  });
  it('reach the router after the database also where the database has nothing newer', () => {
    const { services } = stackOf(load({ flags: { profile: 'prod' } }));
    const touched = services.filter(({ component }) => ['etcd', 'db-router', 'edge'].includes(component));
    expect(inSafeOrder(touched, services)).toEqual(['etcd', 'db-router', 'edge']);
  });
  it('go by what a blueprint says that it is, not by its name', () => {
    const service = (name: string, role: 'edge' | 'cache') => ({ name, component: name, role, after: [] });
    const services = [service('aaa', 'edge'), service('zzz', 'cache')];
    expect(inSafeOrder(services, services)).toEqual(['zzz', 'aaa']);
  });
});

describe('the balancer’s statistics', () => {
  const HEADER = '# pxname,svname,qcur,qmax,scur,stot,econ,eresp,status,check_status,rate';
  it('are read by their columns, whatever else stands there', () => {
    const csv = `${HEADER}\nportal,FRONTEND,,,5,900,,,OPEN,,12\napp,app-1,2,9,3,450,1,1,UP,* L7OK,7\napp,BACKEND,2,9,3,900,0,0,UP,,7\n`;
    expect(parseBalancerStats(csv)).toEqual({
      'app-1': { state: 'UP', requestsPerSecond: 7, requests: 450, active: 3, queued: 2, failed: 2, check: 'L7OK' },
    });
  });
  it('are none where there is no answer', () => {
    expect([parseBalancerStats(''), parseBalancerStats('Permission denied\n')]).toEqual([{}, {}]);
  });
});
