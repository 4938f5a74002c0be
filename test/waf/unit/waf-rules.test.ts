import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Loaded } from '../../../src/settings/loaded.ts';
import type { StateFolder } from '../../../src/state/state.ts';
import { findRules, placeRules } from '../../../src/waf/store/waf-rules.ts';
import { run } from '../../support/cli.ts';

let root: string;
const state = () => ({ root: path.join(root, 'state'), at: (...parts: string[]) => path.join(root, 'state', ...parts) }) as StateFolder;
const loaded = (rules: object): Loaded =>
  ({ root, settings: { components: { edge: true }, edge: { waf: { mode: 'block', rules } } } }) as unknown as Loaded;
const write = (name: string, text: string | Buffer) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), text);
};
const sha = (file: string) =>
  createHash('sha256')
    .update(readFileSync(path.join(root, file)))
    .digest('hex');
const place = async (rules: object) => {
  const found = findRules(loaded(rules), state());
  if (found?.pending) await placeRules(state(), found.pending, new AbortController().signal);
  return found;
};
async function archive(...args: string[]): Promise<object> {
  const made = await run('tar', ['-czf', 'crs.tgz', ...args], { cwd: root });
  if (made.status !== 0) throw new Error(made.stderr);
  return { archive: 'crs.tgz', sha256: sha('crs.tgz') };
}

beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'medianest-rules-'));
  write('crs-4/crs-setup.conf.example', '# example');
  write('crs-4/rules/REQUEST-901-INITIALIZATION.conf', "ver:'OWASP_CRS/4.9.0'");
  write('crs-4/rules/REQUEST-949-BLOCKING-EVALUATION.conf', '');
  write('crs-4/rules/lfi.data', 'etc/passwd');
  write('crs-4/docs/manual.md', 'not taken');
});
afterEach(() => rmSync(root, { recursive: true }));

it('copies a folder and an archive alike, and once', async () => {
  for (const rules of [{ folder: 'crs-4' }, await archive('crs-4')]) {
    const found = await place(rules);
    const copy = state().at('waf-rules', found?.rules.folder ?? '');
    expect(readdirSync(copy).sort()).toEqual(['crs-setup.conf', 'plugins', 'rules']);
    expect(readFileSync(path.join(copy, 'rules/lfi.data'), 'utf8')).toBe('etc/passwd');
    expect(findRules(loaded(rules), state())?.pending).toBeUndefined();
  }
});

it('takes the operator’s own crs-setup.conf before the example, and a changed folder as another one', async () => {
  const before = await place({ folder: 'crs-4' });
  write('crs-4/crs-setup.conf', '# mine');
  const after = await place({ folder: 'crs-4' });
  expect(after?.rules.folder).not.toBe(before?.rules.folder);
  expect(readFileSync(state().at('waf-rules', after?.rules.folder ?? '', 'crs-setup.conf'), 'utf8')).toBe('# mine');
});

it.each<[string, () => Promise<object>, RegExp]>([
  ['another checksum', async () => ({ ...(await archive('crs-4')), sha256: '0'.repeat(64) }), /has the SHA-256/],
  ['a path that leads outside', () => archive('--transform', 's#docs/manual.md#../../../evil#', '-P', 'crs-4'), /outside its folder/],
  ['an absolute path', () => archive('--transform', 's#crs-4/docs/manual.md#/etc/evil#', '-P', 'crs-4'), /outside its folder/],
  ['a missing file', () => archive('--exclude', '*949*', 'crs-4'), /REQUEST-949-BLOCKING-EVALUATION.conf missing/],
  [
    'a link in place of rules',
    () => {
      symlinkSync('/etc/passwd', path.join(root, 'crs-4/rules/link.conf'));
      return archive('crs-4');
    },
    /a link or a device/,
  ],
  [
    'something else than an archive',
    async () => {
      write('crs.tgz', 'no archive');
      return { archive: 'crs.tgz', sha256: sha('crs.tgz') };
    },
    /cannot be unpacked/,
  ],
  [
    'an archive that ends too early',
    async () => {
      await archive('crs-4');
      write('crs.tgz', readFileSync(path.join(root, 'crs.tgz')).subarray(0, 200));
      return { archive: 'crs.tgz', sha256: sha('crs.tgz') };
    },
    /cannot be unpacked/,
  ],
  ['an archive that is not there', async () => ({ archive: 'none.tgz', sha256: '0'.repeat(64) }), /cannot be read \(ENOENT\)/],
  ['a folder that is not there', async () => ({ folder: 'none' }), /cannot be read \(ENOENT\)/],
  ['a folder of something else', async () => ({ folder: 'crs-4/docs' }), /is no OWASP CRS/],
])('refuses %s, and copies nothing', async (_case, rules, message) => {
  const given = await rules();
  await expect(place(given).catch((error) => Promise.reject(error))).rejects.toThrow(message);
  expect(() => readdirSync(state().at('waf-rules'))).toThrow(/ENOENT/);
});
