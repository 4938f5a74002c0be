import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockedImage, movedWith } from '../../../src/images/plan/locked-image.ts';
import { findLock, readLock } from '../../../src/images/store/lock-file.ts';
import { heldFaults, heldFiles, readGone } from '../../../src/images/store/plan/held-files.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { FoundLock, HeldBuild, LockedImage } from '../../../src/stack/image-lock.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { HOME } from '../../support/cli.ts';
import { load, SUBNETS, stackOf } from '../../support/settings.ts';

const stackWith = (lock: FoundLock | undefined, file = 'profile: prod\n'): Stack =>
  buildStack(load({ file }).settings, registry, {
    version: '0.0.0',
    overrides: { updates: { edge: 'mark' } },
    subnets: SUBNETS,
    sourceHash: () => 'fixed',
    engineSocket: { path: '/var/run/docker.sock', gid: 999 },
    lock,
  });
const imageOf = (stack: Stack, name: string) => stack.images.find((image) => image.name === name) as Stack['images'][number];
const source = imageOf(stackWith(undefined), 'edge').build?.source as string;

const entry = (packages: Record<string, string>, more: Partial<LockedImage> = {}): LockedImage => ({
  ref: 'medianest/edge:000000000000',
  id: 'sha256:1',
  source,
  snapshot: '20261129T091500Z',
  packages: Object.fromEntries(
    Object.entries(packages).map(([name, version]) => [name, { version, architecture: 'amd64', suite: 'trixie' }]),
  ),
  ...more,
});
const lockOf = (images: Record<string, LockedImage>): FoundLock => ({
  file: '/srv/medianest.lock.json',
  lock: { format: 2, medianest: '1', profile: 'prod', architecture: 'amd64', images },
});
const NGINX = { libc6: '2.41-12', nginx: '1.26.3-3' };

describe('an image that the lock names', () => {
  const free = stackWith(undefined);
  const held = stackWith(lockOf({ edge: entry(NGINX) }));
  it('has a name of its own, which only its packages decide', () => {
    expect(imageOf(held, 'edge').ref).not.toBe(imageOf(free, 'edge').ref);
    expect(imageOf(stackWith(lockOf({ edge: entry(NGINX, { id: 'sha256:2', snapshot: '20271129T091500Z' }) })), 'edge').ref).toBe(
      imageOf(held, 'edge').ref,
    );
    expect(imageOf(stackWith(lockOf({ edge: entry({ ...NGINX, nginx: '1.26.3-4' }) })), 'edge').ref).not.toBe(imageOf(held, 'edge').ref);
  });
  it('leaves the names of the others, and is not built without the cache', () => {
    for (const { name, ref } of free.images) if (name !== 'edge') expect(imageOf(held, name).ref).toBe(ref);
    expect(imageOf(free, 'edge').build?.fresh).toBe(true);
    expect(imageOf(held, 'edge').build?.fresh).toBe(false);
  });
  it('starts from the published base by its digest; one that was made on this machine has none', () => {
    const digest = `debian@sha256:${'a'.repeat(64)}`;
    const from = (base: LockedImage['base']) => imageOf(stackWith(lockOf({ edge: entry(NGINX, base && { base }) })), 'edge').build?.args;
    expect(from({ ref: 'debian:trixie-slim', id: 'sha256:b', digest })).toEqual({ BASE_IMAGE: digest });
    expect(from({ ref: 'debian:trixie-slim', id: 'sha256:b' })).toEqual({ BASE_IMAGE: 'debian:trixie-slim' });
    expect(from({ ref: 'mine:1', id: 'sha256:b', digest })).toEqual({ BASE_IMAGE: 'debian:trixie-slim' });
  });
  it('is not held where the settings say so, or the lock was written before locks held builds', () => {
    const off = stackWith(lockOf({ edge: entry(NGINX) }), 'profile: prod\npackages: { lock: false }\n');
    expect(imageOf(off, 'edge').ref).toBe(imageOf(free, 'edge').ref);
    const { format: _, ...old } = lockOf({ edge: entry(NGINX) }).lock;
    expect(imageOf(stackWith({ file: 'x', lock: old }), 'edge').ref).toBe(imageOf(free, 'edge').ref);
  });
});

const held: HeldBuild = {
  file: '/srv/medianest.lock.json',
  packages: { nginx: '1.26.3-3', libc6: '2.41-12' },
  common: ['libc6'],
  architecture: 'amd64',
  archive: { url: 'http://archive.lan/', snapshot: '20261129T091500Z', suites: ['forky', 'trixie', 'trixie-security'] },
  sameSource: true,
};

describe('what apt is given', () => {
  it('pins each version so that also an older one is taken, the first layer’s apart', () => {
    const files = heldFiles(held, false);
    expect(files.preferences).toBe(
      'Package: libc6\nPin: version 2.41-12\nPin-Priority: 1001\n\nPackage: nginx\nPin: version 1.26.3-3\nPin-Priority: 1001\n',
    );
    expect(files['base/packages']).toBe('libc6 2.41-12\n');
    expect(files['apt.conf']).toContain('allow-downgrades');
    expect(files).not.toHaveProperty('sources.list');
  });
  it('asks the dated archive, and stays with Debian’s signatures', () => {
    const sources = heldFiles(held, true)['sources.list'] as string;
    expect(sources).toContain('] http://archive.lan/archive/debian/20261129T091500Z/ trixie main\n');
    expect(sources).toContain('] http://archive.lan/archive/debian/20261129T091500Z/ forky main\n');
    expect(sources).toContain('] http://archive.lan/archive/debian-security/20261129T091500Z/ trixie-security main\n');
    expect(sources.match(/signed-by=\/usr\/share\/keyrings\//g)).toHaveLength(3);
    expect(sources).not.toContain('trusted');
  });
  it('reads what is gone in a line of the build, and in no other', () => {
    expect(readGone('#7 2.213 medianest-gone socat 1.8.0.3-1')).toEqual({ name: 'socat', version: '1.8.0.3-1' });
    expect(readGone('#7 2.213 Get:3 http://deb.debian.org/medianest-gone-x 1 2')).toBeUndefined();
  });
});

describe('an image as it was built', () => {
  it('has exactly the locked packages', () => {
    expect(heldFaults(held, held.packages)).toEqual({ wrong: [], unlocked: [] });
    expect(heldFaults(held, { nginx: '1.26.3-4', extra: '1' }).wrong).toEqual([
      'nginx is 1.26.3-4 (1.26.3-3 is locked)',
      'libc6 is missing (2.41-12 is locked)',
      'extra 1 is not locked',
    ]);
  });
  it('may need others once its source has changed, in the locked versions where there are such', () => {
    const changed = { ...held, sameSource: false };
    expect(heldFaults(changed, { nginx: '1.26.3-3', extra: '1' })).toEqual({ wrong: [], unlocked: ['extra 1'] });
    expect(heldFaults(changed, { nginx: '1.26.3-4' }).wrong).toEqual(['nginx is 1.26.3-4 (1.26.3-3 is locked)']);
  });
});

describe('the lock file', () => {
  const written = (text: string) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-lock-test-'));
    try {
      writeFileSync(path.join(folder, 'medianest.lock.json'), text);
      return findLock(folder, HOME);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
  const good = lockOf({ edge: entry(NGINX) }).lock;
  it('is read as it was written, and one of before 0.5 too', () => {
    expect(written(JSON.stringify(good))?.lock).toEqual(good);
    const old = { medianest: '0.4.0', profile: 'prod', images: { edge: { ref: 'e', id: 'i', packages: { nginx: '1' } } } };
    expect(written(JSON.stringify(old))?.lock.images.edge?.packages).toEqual({ nginx: { version: '1', architecture: '' } });
  });
  it('is that of the release where the operator has none', () => {
    const home = mkdtempSync(path.join(os.tmpdir(), 'medianest-home-test-'));
    try {
      mkdirSync(path.join(home, 'templates'));
      const shipped = path.join(home, 'templates/medianest.lock.json');
      writeFileSync(shipped, JSON.stringify(good));
      expect(findLock('/nonexistent', home)).toEqual({ file: shipped, lock: good });
      const own = path.join(home, 'medianest.lock.json');
      writeFileSync(own, JSON.stringify({ ...good, profile: 'staging' }));
      expect(findLock(home, home)).toMatchObject({ file: own, lock: { profile: 'staging' } });
    } finally {
      rmSync(home, { recursive: true });
    }
  });
  it('is nothing where there is none', () => {
    expect(readLock(path.join(os.tmpdir(), 'medianest-no-such.lock.json'))).toBeUndefined();
  });
  it.each([
    ['no JSON', '{'],
    ['a list', '[]'],
    ['of a newer form', JSON.stringify({ ...good, format: 3 })],
    ['without its architecture', JSON.stringify({ ...good, architecture: undefined })],
    ['with a line break in a version', JSON.stringify({ ...good, images: { edge: entry({ nginx: '1\nPin-Priority: 9' }) } })],
    ['with a package that is none', JSON.stringify({ ...good, images: { edge: entry({ '../x y': '1' }) } })],
    ['with a suite that leads elsewhere', JSON.stringify(good).replaceAll('"trixie"', '"../../x main"')],
    ['with a time that leads elsewhere', JSON.stringify({ ...good, images: { edge: entry(NGINX, { snapshot: '../..' }) } })],
  ])('is refused: %s', (_what, text) => expect(() => written(text)).toThrow(/damaged, or of a newer medianest/));
});

it('moves what is built on an image, and what the image is built on', () => {
  const { images } = stackOf(load({ flags: { profile: 'prod' } }));
  expect(movedWith(images, ['patroni']).sort()).toEqual(['backup', 'patroni', 'postgres']);
  expect(movedWith(images, ['backup']).sort()).toEqual(['backup', 'patroni', 'postgres']);
  expect(movedWith(images, ['edge'])).toEqual(['edge']);
  expect(movedWith(images, [])).toEqual([]);
  expect(movedWith(images, undefined)).toEqual(images.map(({ name }) => name));
});

it('records suite, architecture, base and time, and no digest of a base that was made here', () => {
  const image = imageOf(stackOf(load({ flags: { profile: 'prod' } })), 'edge');
  const contents = {
    packages: { nginx: { version: '1', architecture: 'amd64' }, own: { version: '2', architecture: 'all' } },
    sources: {},
    system: { id: 'debian', version: '13', codename: 'trixie' },
    npm: {},
  };
  const offers = { architecture: 'amd64', packages: { nginx: [{ suite: 'trixie', version: '1', architecture: 'amd64' }] } };
  const base = { ref: 'debian:trixie-slim', id: 'sha256:b', digests: [] as string[] };
  const at = new Date('2026-11-29T09:15:00.123Z');
  expect(lockedImage({ image, id: 'i', base, contents, offers, at })).toEqual({
    ref: image.ref,
    id: 'i',
    source: image.build?.source,
    snapshot: '20261129T091500Z',
    base: { ref: 'debian:trixie-slim', id: 'sha256:b' },
    packages: { nginx: { version: '1', architecture: 'amd64', suite: 'trixie' }, own: { version: '2', architecture: 'all' } },
  });
  const digests = ['other@sha256:1', 'debian@sha256:2'];
  expect(lockedImage({ image, id: 'i', base: { ...base, digests }, contents, offers, at }).base?.digest).toBe('debian@sha256:2');
});
