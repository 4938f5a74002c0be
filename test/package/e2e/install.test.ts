import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HOME, type Run, run } from '../../support/cli.ts';
import { parsed } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

const UID = 31_337;

/** As npm brings it to somebody: one file, installed in a folder with a difficult name, run by a user without rights but Docker's. */
describe('an installed medianest', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest größe & co '));
  const prefix = path.join(dir, 'pre fix');
  let archive = '';
  let space: Workspace;
  const as = (args: readonly string[]): Promise<Run> =>
    run(
      'setpriv',
      [`--reuid=${UID}`, `--regid=${UID}`, `--groups=${statSync('/var/run/docker.sock').gid}`, path.join(prefix, 'bin/medianest'), ...args],
      {
        cwd: space.dir,
        // A home folder that it may not write to.
        env: { HOME: '/', LC_ALL: 'C' },
      },
    );

  beforeAll(async () => {
    chmodSync(dir, 0o755);
    // The build is there already; running it here would take it away from tests that run beside.
    const packed = await run('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', dir], { cwd: HOME });
    archive = path.join(dir, parsed<{ filename: string }[]>(packed)[0]?.filename as string);
    const installed = await run('npm', ['install', '--global', '--prefix', prefix, '--offline', '--no-audit', '--no-fund', archive], {
      cwd: dir,
    });
    expect([installed.status, installed.stderr]).toEqual([0, expect.any(String)]);
    space = await workspace('installed');
    space.configure({ profile: 'dev' });
    mkdirSync(space.state);
    for (const name of [space.dir, space.state, path.join(space.dir, 'medianest.yml')]) chownSync(name, UID, UID);
  });
  afterAll(async () => {
    await space?.destroy();
    rmSync(dir, { recursive: true, force: true });
  });

  const bytes = (folder: string): number =>
    (readdirSync(folder, { recursive: true }) as string[]).reduce(
      (sum, name) => sum + (statSync(path.join(folder, name)).isFile() ? statSync(path.join(folder, name)).size : 0),
      0,
    );

  test('is small: less than 2 MB to fetch, less than 60 MB on the disk', () => {
    expect(statSync(archive).size).toBeLessThan(2e6);
    expect(bytes(path.join(prefix, 'lib/node_modules'))).toBeLessThan(60e6);
    expect(readdirSync(path.join(prefix, 'lib/node_modules'))).toEqual(['medianest']);
    // Nor any inside it, as bundled dependencies would be.
    const inside = readdirSync(path.join(prefix, 'lib/node_modules/medianest'), { recursive: true }) as string[];
    expect(inside.filter((name) => name.endsWith('node_modules'))).toEqual([]);
  });

  test('has no code cache with it, and its first command writes one, where it may', async () => {
    const dist = path.join(prefix, 'lib/node_modules/medianest/dist');
    const caches = () => readdirSync(dist).filter((name) => name.endsWith('.cache'));
    expect(caches()).toEqual([]);
    expect((await as(['profiles'])).status).toBe(0);
    expect(caches(), 'as a user who may not write there').toEqual([]);
    // What is set for the command itself must have no part in it.
    const mine = { MEDIANEST_STATE: path.join(dir, 'mine'), MEDIANEST_PROFILE: 'prod' };
    expect((await run(path.join(prefix, 'bin/medianest'), ['profiles'], { cwd: dir, env: mine })).status).toBe(0);
    expect(caches()).toEqual([expect.stringContaining(`.${process.version}-`)]);
    expect(statSync(path.join(dist, caches()[0] as string)).size).toBeGreaterThan(500_000);
    expect(existsSync(mine.MEDIANEST_STATE)).toBe(false);
  });

  test('brings the licences of all that is bundled, and a list of it', () => {
    const home = path.join(prefix, 'lib/node_modules/medianest');
    const same = ['dist', 'templates/agent/image/vendor', 'templates/app/image/vendor'].map(
      (folder) => `${folder}/THIRD-PARTY-NOTICES.txt`,
    );
    for (const file of [...same, 'dist/sbom.cdx.json', 'LICENSE']) {
      expect(readFileSync(path.join(home, file), 'utf8'), file).toBe(readFileSync(path.join(HOME, file), 'utf8'));
    }
    expect(existsSync(path.join(home, 'dist/metafiles.json'))).toBe(false);
  });

  test('has all that it needs with it: profiles, templates, sources of images, documents', async () => {
    const rendered = await as(['render', '--profile', 'prod', '--out', 'out']);
    expect([rendered.status, rendered.stderr]).toEqual([0, expect.any(String)]);
    const images = parsed<{ images: { ref: string; action: string }[] }>(
      await as(['images', 'build', '--profile', 'prod', '--dry-run', '--json']),
    );
    // The same sources as in the checkout, whose images are built already.
    expect(images.images.filter(({ action }) => action !== 'kept')).toEqual([]);
    expect(readdirSync(path.join(prefix, 'lib/node_modules/medianest/docs'))).toContain('settings.md');
  });

  test('starts, tells how it is, and stops', async () => {
    const up = await as(['up']);
    expect([up.status, up.stderr]).toEqual([0, expect.not.stringContaining('Error')]);
    expect((await as(['health'])).status).toBe(0);
    expect((await as(['doctor', '--only', 'engine,settings,port', '--json'])).status).toBe(0);
    expect((await as(['down'])).status).toBe(0);
  });
});
