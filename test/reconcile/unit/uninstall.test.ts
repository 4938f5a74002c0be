import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { backupRemains, emptyRepository, repositoryAway } from '../../../src/backup/remains.ts';
import { capabilities } from '../../../src/capabilities.ts';
import type { Leaving, Project, Remnant } from '../../../src/capability/capability.ts';
import type { Engine } from '../../../src/docker/types.ts';
import { type Installation, listText, planUninstall, staying } from '../../../src/reconcile/plan/uninstall.ts';
import { removeState } from '../../../src/state/remove.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load } from '../../support/settings.ts';

const NOTHING: Installation = { services: [], strays: [], networks: [], volumes: [], remnants: [], stateRoot: undefined };
const volumes = (name: string, more: Partial<Remnant> = {}): Remnant => ({
  what: name,
  names: [name],
  steps: [{ kind: 'remove-volumes', names: [name], cause: '' }],
  ...more,
});
const kinds = (seen: Partial<Installation>, backups = false) =>
  planUninstall({ ...NOTHING, ...seen }, backups).steps.map(({ kind }) => kind);

describe('uninstall', () => {
  it('has nothing to do where nothing is there, also if images of other projects are', () => {
    expect(planUninstall(NOTHING, false)).toEqual({ steps: [], removed: [], stays: [] });
    expect(kinds({ remnants: [volumes('medianest/edge:0123456789ab', { shared: true })] })).toEqual([]);
  });
  it('removes what starts by itself first, and what says that all of it is ours last', () => {
    const timers = volumes('a.timer', { first: true, steps: [{ kind: 'remove-timers', files: ['a.timer'], cause: '' }] });
    const images = volumes('r1', { steps: [{ kind: 'remove-images', refs: ['r1'], cause: '' }] });
    const seen = { services: ['app'], strays: ['job'], volumes: ['p_data', 'p_backups'], remnants: [images, timers], stateRoot: '/s' };
    expect(kinds(seen)).toEqual(['remove-timers', 'remove-container', 'compose-down', 'remove-volumes', 'remove-images', 'remove-state']);
  });
  it('names a volume once, whoever contributes it', () => {
    const { removed, steps } = planUninstall({ ...NOTHING, volumes: ['p_backups'], remnants: [volumes('p_backups')] }, false);
    expect(removed).toEqual([{ what: 'p_backups', names: ['p_backups'] }]);
    expect(steps.map(({ kind }) => kind)).toEqual(['remove-volumes']);
  });
  it('leaves backups in a folder of the operator, unless it is told to', () => {
    const remnants = [volumes('/mnt/backups', { backups: true })];
    const kept = planUninstall({ ...NOTHING, stateRoot: '/s', remnants }, false);
    expect(kept.stays).toEqual([{ what: '/mnt/backups', names: ['/mnt/backups'], why: 'with --backups it is removed too' }]);
    expect(kept.steps.map(({ kind }) => kind)).toEqual(['remove-state']);
    expect(kinds({ stateRoot: '/s', remnants }, true)).toEqual(['remove-volumes', 'remove-state']);
    expect(remnants.map(staying)).toEqual(['with --backups it is removed too']);
    expect(staying(volumes('r1'))).toBeUndefined();
    expect(staying(volumes('r1', { steps: [], stays: 'the project b may need it' }))).toBe('the project b may need it');
  });
  it('cuts a long list', () => {
    expect(listText({ what: 'images', names: ['a', 'b', 'c', 'd', 'e', 'f'] })).toBe('images: a, b, c, d, and 2 more');
  });
});

describe('what is left of a project', () => {
  const loaded = load({ file: 'project: shop\nprofile: dev-compose\n' });
  const image = (ref: string, built = false) => ({ id: `sha256:${ref}`, refs: [ref], bytes: 1024 ** 3, built });
  const remains = async (engine: Partial<Engine>) => {
    const context = { env: { XDG_STATE_HOME: '/nowhere' }, capabilities: async () => capabilities } as unknown as Leaving['context'];
    const project = { loaded, state: new StateFolder('/nowhere') };
    const all: Engine = {
      images: async () => [],
      volumes: async () => [],
      owned: async () => ({ containers: [], networks: [] }),
      ...engine,
    } as Engine;
    const parts = await Promise.all(capabilities.map(({ data }) => data?.remains?.({ context, project, engine: all })));
    return parts.flatMap((part) => part ?? []);
  };
  const images = async () => [
    image('medianest/shop-release:r1'),
    image('medianest/shop-release:r2'),
    image('medianest/shopping-release:r1'),
    image('medianest/edge:0123456789ab', true),
    image('mine/app:1', true),
  ];

  it('is the tags of its own releases, with their number and size', async () => {
    const [release] = await remains({ images });
    expect(release).toMatchObject({
      what: '2 images of releases (2.0 GiB at most)',
      names: ['medianest/shop-release:r1', 'medianest/shop-release:r2'],
    });
  });
  it('is what medianest has built, which goes only with the last project', async () => {
    const built = async (labels: Record<string, string>) =>
      (await remains({ images, volumes: async () => [{ name: 'v', labels }] })).find(({ what }) => what.includes('has built'));
    expect(await built({ 'io.medianest.project': 'shop' })).toMatchObject({
      names: ['medianest/edge:0123456789ab'],
      shared: true,
      steps: [{}],
    });
    expect(await built({ 'io.medianest.project': 'other' })).toMatchObject({
      steps: [],
      stays: expect.stringContaining('the project other may need'),
    });
  });
  it('is its repository, if the label says so, and previews of its sets', async () => {
    const found = async (labels: Record<string, string>) =>
      (await remains({ volumes: async () => [{ name: 'shop_backups', labels }] })).map(({ what }) => what);
    expect(await found({ 'io.medianest.project': 'shop' })).toEqual(['the repository of backups']);
    expect(await found({})).toEqual([]);
    expect(await found({ 'io.medianest.project': 'look', 'io.medianest.preview': 'look', 'io.medianest.preview-of': 'shop' })).toEqual([
      'a preview of a backup',
    ]);
  });
});

describe('a state folder', () => {
  const made = () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-remove-'));
    const outside = path.join(dir, 'outside');
    mkdirSync(outside);
    writeFileSync(path.join(outside, 'kept'), 'x');
    const root = path.join(dir, '.medianest');
    mkdirSync(path.join(root, 'certs'), { recursive: true });
    writeFileSync(path.join(root, 'state.json'), '{"version":1}');
    return { dir, outside, root };
  };
  it('goes as a whole, and what links in it lead to stays', () => {
    const { dir, outside, root } = made();
    symlinkSync(outside, path.join(root, 'certs', 'link'));
    symlinkSync(outside, path.join(root, 'config'));
    expect(removeState(new StateFolder(root))).toEqual([]);
    expect([existsSync(root), readFileSync(path.join(outside, 'kept'), 'utf8')]).toEqual([false, 'x']);
    expect(removeState(new StateFolder(root))).toEqual([]);
    rmSync(dir, { recursive: true });
  });
  it('stays with what medianest did not make', () => {
    const { dir, root } = made();
    writeFileSync(path.join(root, 'notes.txt'), 'mine');
    expect(removeState(new StateFolder(root))).toEqual(['notes.txt']);
    expect(readFileSync(path.join(root, 'notes.txt'), 'utf8')).toBe('mine');
    rmSync(dir, { recursive: true });
  });
});

it('a repository in a folder is emptied, and the folder stays', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-repository-'));
  for (const name of ['repository.id', 'restic', 'pgbackrest']) writeFileSync(path.join(dir, name), '');
  mkdirSync(path.join(dir, 'lost+found'));
  emptyRepository(dir);
  expect(existsSync(path.join(dir, 'lost+found'))).toBe(true);
  expect(existsSync(path.join(dir, 'repository.id'))).toBe(false);
  rmSync(dir, { recursive: true });
});

it('the repository of another installation, or one whose disk is away, is neither emptied nor counted as a backup', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-repository-'));
  const state = new StateFolder(path.join(dir, 'state'));
  state.open();
  const loaded = { root: dir, settings: { project: 'p', backup: { local: { kind: 'folder', path: 'disk' } } } };
  const project = { loaded, state } as unknown as Project;
  const found = async () => {
    const [remnant] = await backupRemains({ project, engine: { volumes: async () => [] } } as unknown as Leaving);
    return [remnant && remnant.steps.length > 0, repositoryAway(project) === undefined];
  };
  const has = (id: string) => writeFileSync(path.join(dir, 'disk', 'repository.id'), `${id}\n`);
  mkdirSync(path.join(dir, 'disk'));
  has('ours');
  expect(await found()).toEqual([false, false]);
  writeFileSync(state.at('backups.json'), '{"repository":"ours","sets":[]}');
  expect(await found()).toEqual([true, true]);
  has('theirs');
  expect(await found()).toEqual([false, false]);
  rmSync(path.join(dir, 'disk', 'repository.id'));
  expect(await found()).toEqual([undefined, false]);
  mkdirSync(path.join(dir, 'disk', 'repository.id'));
  expect(repositoryAway(project)).toMatchObject({
    reason: expect.stringContaining('cannot be told'),
    hint: expect.stringContaining('--no-backup'),
  });
  rmSync(dir, { recursive: true });
});
