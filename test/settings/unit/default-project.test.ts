import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LoadInput, loadSettings } from '../../../src/project/load-settings.ts';
import { registry } from '../../../src/services/index.ts';
import { flattenSettings } from '../../../src/settings/flatten.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { HOME } from '../../support/cli.ts';
import { unprivileged } from '../../support/command.ts';

let root: string;
let cwd: string;
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'medianest-default-'));
  chmodSync(root, 0o755);
  cwd = path.join(root, 'My Films');
  mkdirSync(cwd);
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (name: string, text: string) => {
  mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true });
  writeFileSync(path.join(cwd, name), text);
};
const load = (flags: LoadInput['flags'] = {}, env: LoadInput['env'] = {}) => loadSettings({ home: HOME, cwd, env, registry, flags });
const named = (...asked: Parameters<typeof load>) => {
  const { settings, origins } = load(...asked);
  return [settings.project, flattenSettings(settings, origins).find(({ path: key }) => key === 'project')?.origin];
};
/** What `up` of medianest 0.4 and older has left. */
const startedAs = (project: string, state = '.medianest') => {
  write(`${state}/state.json`, '{"version":1}\n');
  write(`${state}/current/compose.yml`, `# Written by medianest\nname: "${project}"\nservices:\n  app:\n    name: "no"\n`);
};

describe('the name of a project that no setting names', () => {
  it('is that of the folder, as with Compose', () => {
    expect(named()).toEqual(['myfilms', 'the folder’s name']);
  });
  it('is that of the folder of medianest.yml, also from below it and by a link', () => {
    write('medianest.yml', 'version: 1\n');
    write('deep/er/x', '');
    symlinkSync(cwd, path.join(root, 'link'));
    const below = (folder: string) => loadSettings({ home: HOME, cwd: folder, env: {}, registry, flags: {} }).settings.project;
    expect([below(path.join(cwd, 'deep/er')), below(path.join(root, 'link'))]).toEqual(['myfilms', 'myfilms']);
    expect(named({ config: path.join(root, 'link/medianest.yml') })[0]).toBe('myfilms');
  });
  it('stays that of the stack that an older medianest has started here', () => {
    startedAs('medianest');
    expect(named()).toEqual(['medianest', 'the state folder']);
  });
  it('is read from a compose.yml whose name is not quoted, too', () => {
    write('.medianest/current/compose.yml', 'name: medianest\nservices: {}\n');
    expect(named()[0]).toBe('medianest');
  });
  it('stays where the folder is renamed, and where the manifest and the rendered files are lost', () => {
    startedAs('home');
    new StateFolder(path.join(cwd, '.medianest')).noteProject('home');
    rmSync(path.join(cwd, '.medianest/current'), { recursive: true });
    renameSync(cwd, path.join(root, 'moved'));
    cwd = path.join(root, 'moved');
    expect(named()).toEqual(['home', 'the state folder']);
  });
  it('goes by the state folder that --state names', () => {
    startedAs('medianest');
    startedAs('home', 'elsewhere');
    expect(named({ state: 'elsewhere' })[0]).toBe('home');
    expect(named({ state: 'none' })[0]).toBe('myfilms');
  });
  it('is not guessed where the state folder cannot be read', () => {
    startedAs('medianest');
    chmodSync(path.join(cwd, '.medianest'), 0o700);
    expect(() => unprivileged(() => load())).toThrow(/state\.json cannot be read \(EACCES\): .*\.medianest belongs to root \(uid 0\)/);
    expect(unprivileged(() => load({ project: 'mine' })).settings.project).toBe('mine');
  });
  it('is not taken from a damaged record', () => {
    write('.medianest/state.json', '{"version":1,"project":"No Name"}\n');
    expect(() => load()).toThrow(/state\.json is damaged/);
  });
});

describe('a name that a setting says', () => {
  beforeEach(() => startedAs('medianest'));
  it.each<[string, Record<string, string>, LoadInput['flags'], Record<string, string>, string, string]>([
    ['medianest.yml', { 'medianest.yml': 'version: 1\nproject: filed\n' }, {}, {}, 'filed', 'medianest.yml:2'],
    ['a profile', { 'profiles/mine.yml': 'extends: dev\nproject: profiled\n' }, { profile: 'mine' }, {}, 'profiled', 'profiles/mine.yml:2'],
    ['MEDIANEST_PROJECT', {}, {}, { MEDIANEST_PROJECT: 'env' }, 'env', '$MEDIANEST_PROJECT'],
    ['--project', {}, { project: 'flag' }, { MEDIANEST_PROJECT: 'env' }, 'flag', '--project'],
    ['--set', {}, { set: ['project=set'] }, {}, 'set', '--set project'],
  ])('by %s wins over the state folder', (_where, files, flags, env, project, origin) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    expect(named(flags, env)).toEqual([project, origin]);
  });
  it('counts for nothing where it is empty on the command line or in the environment', () => {
    expect(named({ project: '' }, { MEDIANEST_PROJECT: '' })[0]).toBe('medianest');
  });
});

describe('the state folder', () => {
  it('notes the project once, and keeps its version', () => {
    const state = new StateFolder(path.join(cwd, 'state'));
    expect(state.project()).toBeUndefined();
    state.open();
    expect(state.project()).toBeUndefined();
    state.noteProject('home');
    expect([state.project(), state.readJson('state.json', '')]).toEqual(['home', { version: 1, project: 'home' }]);
    state.open();
    expect(state.project()).toBe('home');
  });
});
