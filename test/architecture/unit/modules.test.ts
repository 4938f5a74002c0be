import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { circles, imports, sources } from './imports.ts';
import { LEVELS } from './levels.ts';

const modules = LEVELS.flatMap((level, height) => level.map((module) => ({ module, height })));
const moduleOf = (file: string) =>
  modules.filter(({ module }) => file === module || file.startsWith(`${module}/`)).sort((a, b) => b.module.length - a.module.length)[0];

describe('the modules of src', () => {
  it('hold every file', () => {
    expect(sources().length).toBeGreaterThan(300);
    expect(sources().filter((file) => !moduleOf(file))).toEqual([]);
  });

  it('import downwards only', () => {
    const upward = imports().filter(({ from, to }) => {
      const [own, other] = [moduleOf(from), moduleOf(to)];
      return own && other && own.module !== other.module && other.height >= own.height;
    });
    expect(upward.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('have no circle of files', () => {
    expect(circles(imports().map(({ from, to }) => [from, to] as const))).toEqual([]);
  });

  it('see a circle and an import that goes upwards', () => {
    expect(
      circles([
        ['a', 'b'],
        ['b', 'c'],
        ['c', 'a'],
        ['c', 'd'],
      ]),
    ).toEqual([['a', 'b', 'c']]);
    expect(moduleOf('core/errors.ts')?.height).toBeLessThan(moduleOf('backup/plan/retention.ts')?.height as number);
    expect(moduleOf('images/store/build-image.ts')?.module).toBe('images/store');
    expect(imports().some(({ from, to }) => from === 'main.ts' && to === 'cli/program.ts')).toBe(true);
  });

  it('have at most 25 files in a folder', () => {
    const counts = new Map<string, number>();
    for (const file of sources()) counts.set(path.dirname(file), (counts.get(path.dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 25)).toEqual([]);
  });

  it('load pure code from pure code', () => {
    const pure = (file: string) => /(^|\/)(stack|services|settings|plan)\//.test(file) || file.startsWith('core/');
    const impure = imports().filter(({ from, to, type }) => pure(from) && !from.startsWith('core/') && !type && !pure(to));
    expect(impure.map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
  });

  it('know no capability by name below the list of capabilities', () => {
    const manifests = imports().filter(({ to }) => /^[a-z]+\/capability\.ts$/.test(to) && to !== 'capability/capability.ts');
    expect([...new Set(manifests.map(({ from }) => from))]).toEqual(['capabilities.ts']);
    const reconcile = sources().filter((file) => file.startsWith('reconcile/'));
    const named = reconcile.filter((file) =>
      /from '(\.\.\/)+(backup|waf|deploy|edge|health|doctor)\//.test(readFileSync(path.join(HOME, 'src', file), 'utf8')),
    );
    expect(named).toEqual([]);
  });

  it('look for roles outside services/, and for no component by its name', () => {
    const names = /component\s*[!=]==\s*'|\.(?:service|name)\s*[!=]==\s*'(app|edge|backup|balancer|agent|postgres|redis|patroni|etcd)'/;
    const elsewhere = sources().filter((file) => !/^(services|agent)\//.test(file));
    expect(elsewhere.filter((file) => names.test(readFileSync(path.join(HOME, 'src', file), 'utf8')))).toEqual([]);
    expect(names.test("find(({ component }) => component === 'app')")).toBe(true);
  });
});
