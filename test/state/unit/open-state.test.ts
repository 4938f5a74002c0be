import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DockerCli } from '../../../src/docker/compose.ts';
import { findMends, leftOpen, mend, openFinding } from '../../../src/state/mend.ts';
import { StateFolder } from '../../../src/state/state.ts';

let root = '';
let state: StateFolder;
const mode = (...name: string[]) => statSync(path.join(root, ...name)).mode & 0o777;
const put = (name: string, bits: number) => {
  mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
  writeFileSync(path.join(root, name), 'x');
  chmodSync(path.join(root, name), bits);
};
const noDocker: DockerCli = {
  run: () => Promise.reject(new Error('no container is needed for what is one’s own')),
  attach: () => Promise.reject(new Error('none')),
};
const up = () => mend(state, findMends(state, []), 'x', noDocker);

beforeEach(() => {
  root = path.join(mkdtempSync(path.join(os.tmpdir(), 'medianest-open-')), 'state');
  state = new StateFolder(root);
  state.open();
});
afterEach(() => rmSync(path.dirname(root), { recursive: true }));

describe('a state folder that others may look into', () => {
  it('is none as medianest makes it', () => {
    put('secrets.json', 0o600);
    put('ca/root.json', 0o600);
    expect([findMends(state, []), openFinding(state)]).toEqual([[], undefined]);
  });
  it.each([0o755, 0o750, 0o711, 0o701, 0o777])('(%o) is told by health, closed by up, and stays closed', async (bits) => {
    chmodSync(root, bits);
    expect(openFinding(state)).toMatchObject({ message: expect.stringContaining(root) });
    await up();
    expect(mode()).toBe(0o700);
    expect([findMends(state, []), openFinding(state)]).toEqual([[], undefined]);
    state.open();
    state.noteDrained([]);
    expect(mode()).toBe(0o700);
  });
  it('has its secrets and the key of its CA closed too', async () => {
    put('secrets.json', 0o644);
    put('ca/root.json', 0o640);
    expect(findMends(state, [])).toEqual([
      { path: 'secrets.json', mode: 0o600 },
      { path: 'ca/root.json', mode: 0o600 },
    ]);
    await up();
    expect([mode('secrets.json'), mode('ca', 'root.json')]).toEqual([0o600, 0o600]);
  });
  it('is left open where it holds what is not medianest’s, which is told; its secrets are closed', async () => {
    chmodSync(root, 0o755);
    put('secrets.json', 0o644);
    for (const name of ['films', 'a', 'b', 'c']) put(name, 0o644);
    expect(leftOpen(state)).toMatchObject({
      message: expect.stringContaining('for it holds what is not medianest’s: a, b, c and 1 more'),
      remedy: expect.stringContaining(`chmod 0700 ${root}`),
    });
    expect(openFinding(state)).toEqual(leftOpen(state));
    await up();
    expect([mode(), mode('secrets.json')]).toEqual([0o755, 0o600]);
  });
  it('is closed where only a write of a killed run stands beside', async () => {
    chmodSync(root, 0o755);
    put('state.json.4711.tmp', 0o644);
    await up();
    expect(mode()).toBe(0o700);
  });
});
