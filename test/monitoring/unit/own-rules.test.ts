import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOwnRules } from '../../../src/reconcile/sources.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

let root: string;
const write = (name: string, text: string) => {
  mkdirSync(path.join(root, 'monitoring'), { recursive: true });
  writeFileSync(path.join(root, 'monitoring', name), text);
};
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'medianest-own-rules-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('rules and targets of the operator', () => {
  it('are the files in monitoring/ that are named so, and there need be none', () => {
    expect(readOwnRules(root)).toEqual(new Map());
    write('nas.scrape.yml', 'scrape_configs: []\n');
    write('disks.rules.yaml', 'groups: []\n');
    write('disks.test.yml', 'for promtool');
    write('README.md', 'mine');
    expect([...readOwnRules(root)]).toEqual([
      ['rules-own-disks.yml', 'groups: []\n'],
      ['scrape-nas.yml', 'scrape_configs: []\n'],
    ]);
  });

  it('are refused by name where they are neither: they would be ignored without a word', () => {
    for (const name of ['disks.yml', 'Disks.rules.yml', 'disks.rule.yml', '-x.scrape.yml']) {
      write(name, '');
      expect(() => readOwnRules(root)).toThrow(new RegExp(`monitoring/${name} is neither rules nor targets`));
      rmSync(path.join(root, 'monitoring', name));
    }
  });

  it('that cannot be read are not taken for none', () => {
    mkdirSync(path.join(root, 'monitoring'));
    symlinkSync('gone', path.join(root, 'monitoring', 'disks.rules.yml'));
    expect(() => readOwnRules(root)).toThrow(/ENOENT/);
    rmSync(path.join(root, 'monitoring'), { recursive: true });
    writeFileSync(path.join(root, 'monitoring'), '');
    expect(() => readOwnRules(root)).toThrow(/ENOTDIR/);
  });

  it('reach Prometheus as they are, beside those of the stack', () => {
    const text = 'groups: [{ name: mine, rules: [{ alert: A, expr: up == 0, annotations: { summary: "{{ $labels.x }}" } }] }]\n';
    const ownRules = new Map([['rules-own-mine.yml', text]]);
    const stack = stackOf(load({ flags: { profile: 'prod' } }));
    const { files, configs } = rendered(stack, { ownRules });
    expect(files.find(({ path: name }) => name === 'prometheus/rules-own-mine.yml')?.contents).toBe(text);
    expect(files.filter(({ path: name }) => name.includes('own-mine')).length).toBe(1);
    expect(configs.prometheus).not.toBe(rendered(stack).configs.prometheus);
  });
});
