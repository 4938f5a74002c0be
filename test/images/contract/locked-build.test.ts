import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { docker, type Run } from '../../support/cli.ts';
import { folder } from '../../support/command.ts';
import { type DatedArchive, datedArchive, type LockText, readLockText } from '../../support/images/dated-archive.ts';
import { atMost, seconds } from '../../support/pace.ts';
import { containers, parsed } from '../../support/stack.ts';
import { PREFIX, removeProject } from '../../support/workspace.ts';

const BASE = process.env.MEDIANEST_BASE_IMAGE ?? 'debian:trixie-slim';
const WITH_KEY = 'mt-locked-base';
/** Older than the mirror's, which has it no longer. */
const OLDER = '1.7.0-1~locked';
const OFF = ['agent', 'engine-proxy', 'etcd', 'patroni', 'db-router', 'redis-cluster', 'app', 'edge', 'backup', 'cdn'];

/** The balancer’s image alone, which is built in seconds. */
const space = folder(
  `profile: prod\nobservability: off\nimages: { base: ${WITH_KEY} }\ncomponents: { ${OFF.map((name) => `${name}: false`).join(', ')} }\n`,
);
const file = path.join(space.dir, 'medianest.lock.json');
const made = new Set<string>();
let archive: DatedArchive;
let recorded: LockText;

const build = async (...args: string[]): Promise<string> => {
  const { images } = parsed<{ images: { ref: string }[] }>(await space.run(['images', 'build', '--json', ...args]));
  const ref = images[0]?.ref as string;
  made.add(ref);
  return ref;
};
const refused = (run: Run) => ({
  status: run.status,
  ...(JSON.parse(run.stdout) as { error: { code: string; message: string; hint: string } }).error,
});
const versions = async (ref: string): Promise<Record<string, string>> => {
  const asked = [
    'run',
    '--rm',
    '--network',
    'none',
    '--entrypoint',
    'dpkg-query',
    ref,
    '--show',
    '--showformat',
    '${Package} ${Version}\\n',
  ];
  const { stdout } = await docker(asked);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, string]),
  );
};
const idOf = async (ref: string) => (await docker(['image', 'inspect', '--format', '{{.Id}}', ref])).stdout.trim();
const lockedVersions = (lock: LockText) =>
  Object.fromEntries(Object.entries(lock.images.balancer?.packages ?? {}).map(([name, { version }]) => [name, version]));
/** Writes the lock as it was recorded, with a change. */
const changed = (change: (lock: LockText) => void) => {
  const lock = structuredClone(recorded);
  change(lock);
  writeFileSync(file, JSON.stringify(lock));
};
const socat = (version: string) =>
  changed(({ images }) => {
    (images.balancer?.packages.socat as { version: string }).version = version;
  });
const PROJECT = `${PREFIX}-locked`;
const running = async () => (await containers(PROJECT))[0] ?? expect.fail('nothing runs');
const from = (url: string) => ['--set', `packages.snapshot=${url}`];

beforeAll(async () => {
  archive = await datedArchive(space.dir, BASE, WITH_KEY, OLDER);
}, 600_000);
afterAll(async () => {
  await removeProject(PROJECT);
  for (const ref of made) await docker(['image', 'rm', '--force', ref]);
  await archive?.stop();
}, 60_000);

describe('an image under a lock', { timeout: 600_000 }, () => {
  let ref: string;

  test('is recorded with every package, its suite, its base and the time', async () => {
    const free = await build();
    expect((await space.run(['images', 'lock'])).status).toBe(0);
    recorded = readLockText(file);
    const { snapshot, base, packages } = recorded.images.balancer as LockText['images'][string];
    expect(lockedVersions(recorded)).toEqual(await versions(free));
    expect(Object.entries(packages).filter(([, { suite }]) => !suite?.startsWith('trixie'))).toEqual([]);
    expect(snapshot).toMatch(/^\d{8}T\d{6}Z$/);
    // Made on this machine: it has no digest that another could pull.
    expect(base).toEqual({ ref: WITH_KEY, id: await idOf(WITH_KEY) });
  });

  test('gets its new name without being built again, and is the one that was recorded', async () => {
    const { images } = parsed<{ images: { ref: string; action: string }[] }>(await space.run(['images', 'build', '--json']));
    expect(images).toMatchObject([{ action: 'kept' }]);
    ref = images[0]?.ref as string;
    made.add(ref);
    const check = await space.run(['images', 'lock', '--check']);
    expect([check.status, check.stderr]).toEqual([0, expect.not.stringContaining('mirror')]);
  });

  test('has the same packages when it is built again from nothing', async () => {
    const before = await idOf(ref);
    expect(await build('--no-cache')).toBe(ref);
    expect(await idOf(ref)).not.toBe(before);
    expect(await versions(ref)).toEqual(lockedVersions(recorded));
    expect((await space.run(['images', 'lock', '--check'])).status).toBe(0);
  });

  test('is compared with the mirror in less than 15 s', async () => {
    const bound = await atMost(15);
    let run: Run | undefined;
    const took = await seconds(async () => {
      run = await space.run(['images', 'outdated', '--json']);
    });
    expect([0, 3]).toContain(run?.status);
    expect(took).toBeLessThan(bound);
  });

  test('has an SBOM that names the same packages', async () => {
    const { stdout } = await space.run(['images', 'sbom', 'balancer']);
    expect(await new Validation.JsonStrictValidator(Spec.Version.v1dot6).validate(stdout)).toBeNull();
    const { components } = JSON.parse(stdout) as { components: { name: string; version: string; purl?: string }[] };
    const debian = components.filter(({ purl }) => purl?.startsWith('pkg:deb/'));
    expect(Object.fromEntries(debian.map(({ name, version }) => [name, version]))).toEqual(lockedVersions(recorded));
  });

  test('takes a version that the mirror no longer has from the dated archive, and nothing else from there', async () => {
    socat(OLDER);
    const held = await build(...from(archive.url));
    expect(await versions(held)).toEqual({ ...lockedVersions(recorded), socat: OLDER });
    expect(archive.paths).toContain(`/archive/debian/${recorded.images.balancer?.snapshot}/pool/socat.deb`);
  });

  test('is not built where neither has a version: the error names it', async () => {
    socat('0.1-gone');
    const error = refused(await space.run(['images', 'build', '--json', ...from(archive.url)]));
    expect(error).toMatchObject({ status: 1, code: 'BUILD_FAILED', hint: expect.stringContaining('images lock --newest') });
    expect(error.message).toContain('the mirror no longer has socat 0.1-gone');
    expect(error.message).toContain('does not have them either');
    const { images } = parsed<{ images: { action: string }[] }>(await space.run(['images', 'build', '--dry-run', '--json']));
    expect(images).toMatchObject([{ action: 'to build' }]);
  });

  test('is not built where the archive does not answer: the error names both', async () => {
    socat('0.2-gone');
    const { message } = refused(await space.run(['images', 'build', '--json', ...from('http://127.0.0.1:9')]));
    expect(message).toContain('the mirror no longer has socat 0.2-gone');
    expect(message).toContain('the archive http://127.0.0.1:9 does not answer');
  });

  test('is not built for another architecture', async () => {
    changed((lock) => {
      lock.architecture = 'm68k';
      (lock.images.balancer?.packages.socat as { version: string }).version = '0.3';
    });
    expect(refused(await space.run(['images', 'build', '--json'])).message).toContain('is for m68k');
  });

  test('is moved by `update`: the lock file, and what runs', async () => {
    socat(OLDER);
    const there = ['--project', PROJECT, ...from(archive.url)];
    expect((await space.run(['up', ...there])).status).toBe(0);
    const before = await running();
    const inside = async () =>
      (await docker(['exec', (await running()).id, 'dpkg-query', '--show', '--showformat', '${Version}', 'socat'])).stdout;
    expect(await inside()).toBe(OLDER);
    const check = await space.run(['update', '--check', '--json', ...there]);
    expect([check.status, (await running()).id, readLockText(file).images.balancer?.packages.socat?.version]).toEqual([
      3,
      before.id,
      OLDER,
    ]);
    const updated = await space.run(['update', '--json', ...there]);
    const newest = lockedVersions(recorded).socat as string;
    expect(parsed(updated)).toMatchObject({
      result: 'updated',
      updates: [{ image: 'balancer', packages: [{ name: 'socat', from: OLDER, to: newest }] }],
    });
    const after = await running();
    expect([after.id === before.id, after.health, await inside()]).toEqual([false, 'healthy', newest]);
    const moved = readLockText(file);
    expect(lockedVersions(moved)).toEqual(lockedVersions(recorded));
    for (const args of [
      ['images', 'lock', '--check'],
      ['update', '--check'],
    ])
      expect((await space.run([...args, ...there])).status).toBe(0);
    made.add((await docker(['inspect', '--format', '{{.Config.Image}}', after.id])).stdout.trim());
  });

  test('has the newest packages once `images lock --newest` has moved the lock', async () => {
    socat(OLDER);
    expect((await space.run(['images', 'lock', '--newest'])).status).toBe(0);
    const newest = await build();
    expect((await versions(newest)).socat).not.toBe(OLDER);
    expect(await versions(newest)).toEqual(lockedVersions(JSON.parse(readFileSync(file, 'utf8')) as LockText));
  });
});
