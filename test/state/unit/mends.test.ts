import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { UserError } from '../../../src/core/errors.ts';
import type { DockerCli } from '../../../src/docker/compose.ts';
import type { Service } from '../../../src/stack/types.ts';
import { findMends, mend } from '../../../src/state/mend.ts';
import { type MountedFolder, mendOf, mountedFolders } from '../../../src/state/plan/mends.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const UID = 10_002;
const secrets: MountedFolder = { path: 'secrets/postgres', holds: 'secrets', uid: UID };
const certificate: MountedFolder = { path: 'certs/edge', holds: 'certificate', uid: UID };
const shared: MountedFolder = { path: 'config/edge', holds: 'anything', uid: UID };
const FILE = 0o100000;

describe('what containers mount', () => {
  it('is every folder of the state folder in the Compose file, once, and a certificate’s key is for its own service', () => {
    const stack = stackOf(load({ flags: { profile: 'prod' } }));
    const { services } = stack;
    const folders = mountedFolders(services);
    const paths = folders.map((folder) => folder.path);
    expect(new Set(paths).size).toBe(paths.length);
    type Compose = { services: Record<string, { volumes?: { source: string }[] }> };
    const compose = parse(rendered(stack).files[0]?.contents ?? '') as Compose;
    const sources = Object.values(compose.services).flatMap(({ volumes = [] }) => volumes.map(({ source }) => source));
    const mounted = sources.filter((source) => source.startsWith('./')).map((source) => source.slice(2));
    expect(mounted.length).toBeGreaterThan(50);
    expect(mounted.filter((source) => !paths.includes(source))).toEqual([]);
    const owner = services.find(({ certificate: own }) => own?.name === 'backup')?.uid;
    expect(folders.find((folder) => folder.path === 'certs/backup')).toMatchObject({ holds: 'certificate', uid: owner });
    for (const folder of paths) expect(folder).not.toMatch(/^\/|^\./);
  });
});

describe('what has to be set', () => {
  it.each<[string, number, number, MountedFolder, boolean, string, { mode: number; uid?: number } | undefined]>([
    ['a secret as it was placed', 0o400, UID, secrets, false, 'secrets/postgres/x', undefined],
    ['a secret that root has copied', 0o400, 0, secrets, false, 'secrets/postgres/x', { mode: 0o400, uid: UID }],
    ['a secret of another container’s user', 0o400, 10_003, secrets, false, 'secrets/postgres/x', { mode: 0o400, uid: UID }],
    ['a secret that others may read', 0o444, UID, secrets, false, 'secrets/postgres/x', { mode: 0o400, uid: UID }],
    ['the folder of secrets', 0o755, 0, secrets, true, 'secrets/postgres', undefined],
    ['the folder of secrets, as no program could list it before', 0o711, 0, secrets, true, 'secrets/postgres', { mode: 0o755 }],
    ['the folder of secrets, closed', 0o700, 0, secrets, true, 'secrets/postgres', { mode: 0o755 }],
    ['a key that root has copied', 0o400, 0, certificate, false, 'certs/edge/0A/privkey.pem', { mode: 0o400, uid: UID }],
    ['a certificate', 0o644, 0, certificate, false, 'certs/edge/0A/fullchain.pem', undefined],
    ['a certificate, closed', 0o600, 0, certificate, false, 'certs/edge/0A/fullchain.pem', { mode: 0o644 }],
    ['a configuration file that its group may write', 0o664, 1000, shared, false, 'config/edge/a/nginx.conf', undefined],
    ['a configuration file, closed', 0o600, 0, shared, false, 'config/edge/a/nginx.conf', { mode: 0o644 }],
    ['a configuration folder, closed', 0o700, 0, shared, true, 'config/edge', { mode: 0o755 }],
  ])('%s (root)', (_what, mode, uid, folder, isFolder, name, wanted) => {
    const found = mendOf({ path: name, folder: isFolder, mode: FILE | mode, uid }, folder, 0);
    expect(found).toEqual(wanted && { path: name, ...wanted });
  });
  it('is only what a plain copy leaves, where the engine may give owners other numbers', () => {
    const seen = { path: 'secrets/postgres/x', folder: false, mode: FILE | 0o400 };
    expect(mendOf({ ...seen, uid: 110_001 }, secrets, 1000)).toBeUndefined();
    for (const uid of [1000, 0]) expect(mendOf({ ...seen, uid }, secrets, 1000)).toMatchObject({ uid: UID });
  });
});

describe('a state folder that was copied without owners and closed', () => {
  const services = [
    { name: 'postgres', uid: UID, secrets: [{ name: 'x' }], mounts: [], certificate: { name: 'postgres' }, trust: true },
  ] as unknown as Service[];
  let state: StateFolder;
  const write = (name: string, mode: number) => {
    mkdirSync(path.dirname(state.at(name)), { recursive: true });
    writeFileSync(state.at(name), 'text');
    chmodSync(state.at(name), mode);
  };
  const cli = (run: DockerCli['run']) => ({ run }) as DockerCli;
  const none = cli(() => Promise.reject(new Error('no container is needed')));

  beforeEach(() => {
    state = new StateFolder(mkdtempSync(path.join(os.tmpdir(), 'medianest-mends-')));
    write('secrets/postgres/x', 0o400);
    write('secrets/postgres/.staging.1/x', 0o400);
    write('certs/postgres/0A/privkey.pem', 0o400);
    write('certs/postgres/0A/fullchain.pem', 0o600);
    write('certs/postgres/request/privkey.pem', 0o600);
    write('config/postgres/abc/postgresql.conf', 0o600);
    write('secrets.json', 0o600);
    symlinkSync('0A', state.at('certs/postgres/current'));
    for (const folder of ['secrets/postgres', 'certs/postgres', 'certs/postgres/0A', 'config/postgres', 'config/postgres/abc'])
      chmodSync(state.at(folder), 0o700);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    rmSync(state.root, { recursive: true });
  });

  const paths = () =>
    findMends(state, services)
      .map((entry) => entry.path)
      .sort();
  const WRONG = [
    'certs/postgres',
    'certs/postgres/0A',
    'certs/postgres/0A/fullchain.pem',
    'certs/postgres/0A/privkey.pem',
    'config/postgres',
    'config/postgres/abc',
    'config/postgres/abc/postgresql.conf',
    'secrets/postgres',
    'secrets/postgres/x',
  ];

  it('is mended by root, once, and nothing else in it is touched', async () => {
    expect(paths()).toEqual(WRONG);
    await mend(state, findMends(state, services), 'image', none);
    expect(paths()).toEqual([]);
    const modes = Object.fromEntries(
      [...WRONG, 'secrets.json', 'certs/postgres/request/privkey.pem'].map((name) => {
        const { mode, uid } = statSync(state.at(name));
        return [name, `${(mode & 0o777).toString(8)} ${uid}`];
      }),
    );
    expect(modes).toMatchObject({
      'secrets/postgres': '755 0',
      'secrets/postgres/x': `400 ${UID}`,
      'certs/postgres/0A/privkey.pem': `400 ${UID}`,
      'certs/postgres/0A/fullchain.pem': '644 0',
      'config/postgres/abc': '755 0',
      'secrets.json': '600 0',
      'certs/postgres/request/privkey.pem': '600 0',
    });
  });

  it('is mended in a container where another user has to', async () => {
    chownSync(state.root, 1000, 1000);
    for (const name of WRONG) chownSync(state.at(name), 1000, 1000);
    vi.spyOn(process, 'geteuid').mockReturnValue(1000);
    const asked: string[] = [];
    await mend(
      state,
      findMends(state, services),
      'image',
      cli(async (args) => {
        asked.push(args.slice(args.indexOf('image')).join(' '), String(args[args.indexOf('--entrypoint') + 1]));
        return { exitCode: 0, stdout: '', tail: [] };
      }),
    );
    expect(asked).toEqual(
      expect.arrayContaining([`image ${UID}:${UID} -- /state/secrets/postgres/x`, 'image 0400 -- /state/secrets/postgres/x']),
    );
    // What is its own it sets itself.
    expect((statSync(state.at('config/postgres/abc')).mode & 0o777).toString(8)).toBe('755');
    expect(
      asked
        .filter((line) => line.startsWith('image'))
        .every((line) => /\/state\/(secrets\/postgres\/x|certs\/postgres\/0A\/privkey\.pem)$/.test(line)),
    ).toBe(true);
  });

  it('is told with its path and the command where it cannot be mended', async () => {
    vi.spyOn(process, 'geteuid').mockReturnValue(1000);
    const refusing = cli(async () => ({ exitCode: 1, stdout: '', tail: ['chown: Operation not permitted'] }));
    const failed = await mend(state, [{ path: 'secrets/postgres/x', mode: 0o400, uid: UID }], 'image', refusing).catch(
      (error: unknown) => error,
    );
    expect(failed).toBeInstanceOf(UserError);
    expect(failed).toMatchObject({
      code: 'STATE_UNWRITABLE',
      message: expect.stringContaining(`${state.at('secrets/postgres/x')}: it needs owner ${UID} and mode 0400`),
      hint: expect.stringContaining(
        `chown ${UID}:${UID} ${state.at('secrets/postgres/x')} && chmod 0400 ${state.at('secrets/postgres/x')}`,
      ),
    });
    expect(existsSync(state.at('secrets/postgres/x'))).toBe(true);
  });

  it('has nothing to mend where nothing is there yet', () => {
    rmSync(state.root, { recursive: true });
    mkdirSync(state.root, { mode: 0o700 });
    expect(paths()).toEqual([]);
  });
});
