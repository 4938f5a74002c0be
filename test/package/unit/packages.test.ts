import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';

interface Manifest {
  name: string;
  private?: boolean;
  engines?: { node: string };
  workspaces?: string[];
  files?: string[];
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  bundleDependencies?: string[];
}
const manifest = (folder: string): Manifest => JSON.parse(readFileSync(path.join(HOME, folder, 'package.json'), 'utf8')) as Manifest;
const root = manifest('.');
const workspaces = (root.workspaces ?? []).map((folder) => [folder, manifest(folder)] as const);

describe('package.json', () => {
  it('of the published package asks npm to install nothing', () => {
    const { dependencies, optionalDependencies, peerDependencies, bundleDependencies } = root;
    expect({ dependencies, optionalDependencies, peerDependencies, bundleDependencies }).toEqual({});
  });
  it.each(workspaces)(
    'of %s is private, and names what is bundled as its dependencies',
    (_folder, { private: own, dependencies, devDependencies }) => {
      expect([own, devDependencies]).toEqual([true, undefined]);
      expect(Object.keys(dependencies ?? {}).length).toBeGreaterThan(0);
    },
  );
  it('has one version of a package for the program, the portal and their tests', () => {
    const versions: Record<string, string> = {};
    for (const [where, { dependencies, devDependencies }] of [['.', root] as const, ...workspaces]) {
      for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
        expect(version, `${name} in ${where} is pinned`).toMatch(/^\d+\.\d+\.\d+$/);
        expect(version, `${name} in ${where}`).toBe(versions[name] ?? version);
        versions[name] = version;
      }
    }
  });
});
