import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { exportKit, importKit, kitProblem } from '../../../src/backup/restore/kit.ts';
import type { Context, Project } from '../../../src/capability/capability.ts';
import { kitPassphrase } from '../../../src/project/passphrase.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { unprivileged } from '../../support/command.ts';

const PASSPHRASE = 'five random words in a row';
const made = mkdtempSync(path.join(os.tmpdir(), 'medianest-kit-'));
afterAll(() => rmSync(made, { recursive: true }));

const store = (value: string, since: string) =>
  JSON.stringify({ fingerprintKey: 'k', values: { 'backup-files-key': { value, origin: 'generated', since } } });
const state = new StateFolder(path.join(made, 'old'));
mkdirSync(path.join(state.root, 'ca'), { recursive: true });
writeFileSync(state.at('secrets.json'), store('the-key', '2026-01-01T00:00:00Z'));
writeFileSync(state.at('ca/root.json'), '{"root":1}');
const configFile = path.join(made, 'medianest.yml');
writeFileSync(configFile, 'version: 1\n');
const context = { clock: { now: () => new Date('2026-11-25T00:00:00Z') } } as Context;
const outside = path.join(made, 'elsewhere', 'copies.key');
mkdirSync(path.dirname(outside));
writeFileSync(outside, 'the-far-key\n');
writeFileSync(path.join(made, 'plex-token'), 'the-token\n');
mkdirSync(path.join(made, 'monitoring'));
writeFileSync(path.join(made, 'monitoring', 'disks.rules.yml'), 'groups: []\n');
writeFileSync(path.join(made, 'monitoring', 'house.rules'), 'alert icmp any any -> any any (sid:1000001;)\n');
const secretFiles = ['./plex-token', outside, './gone'];
const project = { state, loaded: { settings: { project: 'home' }, configFile, root: made, secretFiles } } as unknown as Project;
const kit = path.join(made, 'kit.json');

describe('the recovery kit', () => {
  it('is asked for until it was exported, and again when a secret has changed', () => {
    expect(kitProblem(state)).toMatch(/was never exported/);
    exportKit(context, project, kit, PASSPHRASE);
    expect(kitProblem(state)).toBeUndefined();
    writeFileSync(state.at('secrets.json'), store('the-key', '2026-12-01T00:00:00Z'));
    expect(kitProblem(state)).toMatch(/is stale/);
  });
  it('takes the place of its page where the kit was moved away, and not of that of another project', () => {
    const moved = path.join(made, 'moved');
    exportKit(context, project, moved, PASSPHRASE);
    rmSync(moved);
    exportKit(context, project, moved, PASSPHRASE);
    rmSync(moved);
    writeFileSync(`${moved}.txt`, readFileSync(`${moved}.txt`, 'utf8').replace('"home"', '"homes"'));
    expect(() => exportKit(context, project, moved, PASSPHRASE)).toThrow(expect.objectContaining({ code: 'ALREADY_THERE' }));
  });
  it('takes its passphrase from a pipe too', async () => {
    const pipe = path.join(made, 'pipe');
    spawn('sh', ['-c', 'mkfifo "$1" && echo "$2" >"$1"', 'sh', pipe, PASSPHRASE]);
    await vi.waitUntil(() => existsSync(pipe));
    expect(await kitPassphrase({ cwd: made } as Context, 'pipe')).toBe(PASSPHRASE);
  });
  it('tells nothing without the passphrase, and has a page to print', () => {
    expect(readFileSync(kit, 'utf8')).not.toMatch(/the-key|backup-files-key|the-token|plex-token/);
    expect(readFileSync(`${kit}.txt`, 'utf8')).toMatch(/restore --kit kit\.json/);
    expect(() => importKit(kit, 'another passphrase', made, new StateFolder(path.join(made, 'x')))).toThrow(/passphrase is another/);
  });
  it('makes a bare folder the same installation', () => {
    const folder = path.join(made, 'new');
    mkdirSync(folder);
    const fresh = new StateFolder(path.join(folder, '.medianest'));
    expect(importKit(kit, PASSPHRASE, folder, fresh)).toMatchObject({ project: 'home', repository: undefined });
    expect(readFileSync(fresh.at('secrets.json'), 'utf8')).toContain('the-key');
    expect(readFileSync(fresh.at('ca/root.json'), 'utf8')).toBe('{"root":1}');
    expect(readFileSync(path.join(folder, 'monitoring/disks.rules.yml'), 'utf8')).toBe('groups: []\n');
    expect(readFileSync(path.join(folder, 'monitoring/house.rules'), 'utf8')).toContain('sid:1000001');
    // Its settings name no project, and this folder has another name.
    expect(fresh.project()).toBe('home');
    expect(() => importKit(kit, PASSPHRASE, folder, fresh)).toThrow(/already contains an installation/);
  });
  it('brings the files that secret settings name, for their owner alone, and replaces none', () => {
    const folder = path.join(made, 'bare');
    mkdirSync(folder);
    rmSync(path.dirname(outside), { recursive: true });
    const token = path.join(folder, 'plex-token');
    const first = importKit(kit, PASSPHRASE, folder, new StateFolder(path.join(folder, '.medianest')));
    expect(first.secretFiles).toEqual([token, outside]);
    expect([token, outside].map((file) => [readFileSync(file, 'utf8'), statSync(file).mode & 0o777])).toEqual([
      ['the-token\n', 0o600],
      ['the-far-key\n', 0o600],
    ]);
    first.rollBack();
    expect(readdirSync(folder)).toEqual([]);
    expect(existsSync(path.dirname(outside))).toBe(false);
    writeFileSync(token, 'mine');
    const second = importKit(kit, PASSPHRASE, folder, new StateFolder(path.join(folder, '.medianest')));
    expect([second.secretFiles, readFileSync(token, 'utf8')]).toEqual([[outside], 'mine']);
  });
  it('does not write over what it cannot look at', () => {
    const folder = path.join(made, 'closed');
    mkdirSync(path.join(folder, '.medianest'), { recursive: true });
    for (const open of [made, kit]) chmodSync(open, 0o755);
    chmodSync(path.join(folder, '.medianest'), 0o700);
    const fresh = new StateFolder(path.join(folder, '.medianest'));
    expect(() => unprivileged(() => importKit(kit, PASSPHRASE, folder, fresh))).toThrow(/secrets\.json cannot be read \(EACCES\)/);
  });
  it.each([
    ['a short passphrase', () => exportKit(context, project, kit, 'short'), /fewer than 12/],
    ['a file that is gone', () => importKit(path.join(made, 'none'), PASSPHRASE, made, state), /there is no/],
    ['a file that is something else', () => importKit(configFile, PASSPHRASE, made, state), /is no recovery kit/],
  ])('%s is refused', (_what, act, why) => expect(act).toThrow(why));
  it('a flipped byte is noticed', () => {
    const { data, ...rest } = JSON.parse(readFileSync(kit, 'utf8')) as { data: string };
    const bytes = Buffer.from(data, 'base64');
    bytes[3] = (bytes[3] as number) ^ 1;
    const damaged = path.join(made, 'damaged.json');
    writeFileSync(damaged, JSON.stringify({ ...rest, data: bytes.toString('base64') }));
    expect(() => importKit(damaged, PASSPHRASE, made, new StateFolder(path.join(made, 'y')))).toThrow(/file is damaged/);
  });
});
