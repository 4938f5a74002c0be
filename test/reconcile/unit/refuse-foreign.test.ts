import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ObservedContainer } from '../../../src/docker/types.ts';
import { leftoversOf } from '../../../src/doctor/doctor.ts';
import { isGone, refuseForeign } from '../../../src/reconcile/refuse-foreign.ts';
import { unprivileged } from '../../support/command.ts';
import { runningContainer } from '../../support/plan-facts.ts';

const root = mkdtempSync(path.join(os.tmpdir(), 'medianest-foreign-'));
const home = path.join(root, 'home');
const theirs = path.join(home, 'nest/.medianest');
const OURS = path.join(root, 'ours/.medianest');

beforeAll(() => {
  chmodSync(root, 0o755);
  mkdirSync(theirs, { recursive: true });
  chmodSync(home, 0o700);
});
afterAll(() => rmSync(root, { recursive: true }));

const from = (stateFolder: string | undefined, more: Partial<ObservedContainer> = {}) =>
  runningContainer('app-1', '', { stateFolder, ...more });
const refuse = (...containers: ObservedContainer[]) => refuseForeign('medianest', containers, OURS);

describe('a stack of the same name', () => {
  it('that is ours, or that nothing runs of, is not refused', () => {
    expect(refuse()).toBeUndefined();
    expect(refuse(from(OURS), from(undefined))).toBeUndefined();
  });
  it('is ours where a link leads from its old place to our state folder', () => {
    const [link, ours] = [path.join(root, 'old-place'), path.join(root, 'moved')];
    mkdirSync(ours);
    symlinkSync(ours, link);
    const extra = runningContainer('extra', undefined, { project: undefined, stateFolder: link });
    expect(refuseForeign('medianest', [from(link), extra], ours)).toBeUndefined();
    expect(() => refuse(from(link))).toThrow(expect.objectContaining({ code: 'FOREIGN_STATE' }));
  });
  it('may be taken over where its state folder is proven to be gone', () => {
    expect(refuse(from(path.join(root, 'gone/.medianest')))).toBeUndefined();
    expect(unprivileged(() => refuse(from(path.join(root, 'gone/.medianest'))))).toBeUndefined();
  });
  it('is refused to a user who cannot look at its state folder, with the owner, the path and what to do', () => {
    for (const folder of [theirs, path.join(home, 'gone/.medianest')])
      expect(() => unprivileged(() => refuse(from(path.join(root, 'gone')), from(folder)))).toThrow(
        expect.objectContaining({
          code: 'FOREIGN_STATE',
          message: `the project medianest is run from ${folder}, which belongs to root (uid 0) and cannot be looked at (EACCES at ${home}), not from ${OURS}; nothing was changed`,
          hint: `run this as root with --state ${folder}, or choose another --project`,
          path: folder,
        }),
      );
  });
  it('is refused where its state folder is there: to its owner, and to another user', () => {
    const message = `the project medianest is run from ${theirs}, which belongs to root (uid 0), not from ${OURS}; nothing was changed`;
    const own = { message, hint: `go there, pass --state ${theirs}, or choose another --project` };
    expect(() => refuse(from(theirs))).toThrow(expect.objectContaining(own));
    chmodSync(home, 0o755);
    const other = { message, hint: `run this as root with --state ${theirs}, or choose another --project` };
    expect(() => unprivileged(() => refuse(from(theirs)))).toThrow(expect.objectContaining(other));
    chmodSync(home, 0o700);
  });
  it('that is not medianest’s is refused as such', () => {
    expect(() => refuse(from('/elsewhere', { project: undefined, name: 'web' }))).toThrow(/medianest did not make it \(container web\)/);
  });
});

describe('what doctor offers to remove', () => {
  const stopped = (name: string, stateFolder: string) => ({ name, project: 'old', running: false, stateFolder });
  const owned = { containers: [stopped('hidden', theirs), stopped('dead', path.join(root, 'gone'))], networks: [] };
  it('is only what has proof of absence', () => {
    expect(unprivileged(() => [isGone(theirs), isGone(path.join(root, 'gone'))])).toEqual([false, true]);
    expect(unprivileged(() => leftoversOf(owned, 'mine')).map(({ name }) => name)).toEqual(['dead']);
  });
  it('is no container where the engine works on the files of another machine', () => {
    expect(leftoversOf(owned, 'mine', false)).toEqual([]);
  });
});
