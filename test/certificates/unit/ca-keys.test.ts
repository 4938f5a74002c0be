import { copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import type { Context } from '../../../src/capability/capability.ts';
import { caActions } from '../../../src/certificates/authority/ca-actions.ts';
import { restoreRootKey, revoke } from '../../../src/certificates/ca/ca-changes.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { caStore } from '../../../src/certificates/store/ca-store.ts';
import { silent } from '../../../src/core/reporter.ts';
import type { Project } from '../../../src/project/open.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { temporaryFolder } from '../../support/temporary.ts';

it('what was revoked while the passphrase was typed stays revoked when the root’s key leaves the host', { timeout: 60_000 }, async () => {
  const dir = temporaryFolder('export-root');
  const state = new StateFolder(path.join(dir, 'state'));
  state.open();
  const now = new Date();
  await revoke(caStore(state), 'p', '01', 'unspecified', now);
  const context = {
    cwd: dir,
    flags: { waitLock: 0 },
    signal: new AbortController().signal,
    clock: { now: () => now },
    report: silent,
    capabilities: async () => [],
    ask: async () => {
      await revoke(caStore(state), 'p', '02', 'keyCompromise', now);
      return 'correct horse battery staple';
    },
  } as unknown as Context;
  const options = { passphraseFile: undefined, remove: true, root: false, finish: false };
  await caActions.export(context, { state } as Project, 'root.pem', options);
  const ca = caStore(state).load();
  expect([ca?.privateKey, ca?.revoked?.map(({ serial }) => serial)]).toEqual([undefined, ['01', '02']]);
  expect(readFileSync(path.join(dir, 'root.pem'), 'utf8')).toContain('ENCRYPTED PRIVATE KEY');
});

it('a missing CA is not replaced by another one while its root is trusted', { timeout: 60_000 }, async () => {
  const state = new StateFolder(path.join(temporaryFolder('lost-root'), 'state'));
  state.open();
  const issue = () =>
    internalCa(caStore(state), 'p').issue({ name: 'edge', subjects: ['localhost'], issuer: 'internal-ca', days: 90 }, new Date());
  const { root } = await issue();
  const [file, shown, trust] = [['root.json'], ['root.crt'], ['trust', 'internal-ca.pem']].map((parts) => state.at('ca', ...parts)) as [
    string,
    string,
    string,
  ];
  copyFileSync(file, `${file}.copy`);
  const { privateKey } = caStore(state).load() ?? {};
  rmSync(file);
  await expect(issue()).rejects.toMatchObject({ code: 'CERTIFICATE_FAILED', message: expect.stringContaining('root.json, the keys') });
  expect(readFileSync(trust, 'utf8')).toBe(root);
  writeFileSync(shown, 'damaged');
  await expect(issue()).rejects.toMatchObject({ code: 'CERTIFICATE_FAILED' });
  writeFileSync(shown, root as string);
  // The root alone comes back with its key, or all of it by the copy.
  restoreRootKey(caStore(state), { certificate: root as string, privateKey: privateKey as string });
  expect((await issue()).root).toBe(root);
  renameSync(`${file}.copy`, file);
  expect((await issue()).root).toBe(root);
  rmSync(file);
  rmSync(shown);
  expect((await issue()).root).not.toBe(root);
});
