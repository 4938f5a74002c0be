import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { integrityChecks } from '../../../src/health/integrity.ts';
import { beginAudit } from '../../../src/state/audit.ts';
import { describeDifference, differences, type Found, type Sealed, sealedAfter } from '../../../src/state/plan/seal.ts';
import { beginSeal, compareSeal } from '../../../src/state/seal.ts';
import { StateFolder } from '../../../src/state/state.ts';

const sealed = (sha256: string, more: Partial<Sealed> = {}): Sealed => ({ sha256, mode: 0o600, uid: 0, ...more });
const found = (files: Record<string, Sealed>, closed: string[] = []): Found => ({ files, closed });

describe('what differs from the seal', () => {
  const before = { 'ca/root.json': sealed('a'), 'certs/edge/current': { link: '1', mode: 0o777, uid: 0 }, 'secrets/app/x': sealed('b') };

  it('is told by file: changed, removed, added, rights', () => {
    const now = found({
      'ca/root.json': sealed('z'),
      'certs/edge/current': { link: '2', mode: 0o777, uid: 0 },
      'secrets/app/y': sealed('b'),
    });
    expect(differences(before, now).map(describeDifference)).toEqual([
      'ca/root.json: changed',
      'certs/edge/current: changed',
      'secrets/app/x: removed',
      'secrets/app/y: added',
    ]);
    const rights = found({ ...before, 'ca/root.json': sealed('a', { mode: 0o644 }), 'secrets/app/x': sealed('b', { uid: 1000 }) });
    expect(differences(before, rights).map(describeDifference)).toEqual([
      'ca/root.json: mode 0644 instead of 0600',
      'secrets/app/x: owner 1000 instead of 0',
    ]);
  });

  it('is nothing where it cannot be told', () => {
    const { 'secrets/app/x': copy, ...rest } = before;
    expect(differences(before, found(rest, ['secrets']))).toEqual([]);
    expect(differences(before, found({ ...rest, 'secrets/app/x': { mode: copy.mode, uid: copy.uid } }))).toEqual([]);
  });

  it('of rendered files is only what was added: the manifest tells the rest', () => {
    const own = { 'config/edge/1a/nginx.conf': sealed('a') };
    expect(differences(own, found({ 'config/edge/1a/nginx.conf': sealed('b') }))).toEqual([]);
    expect(differences(own, found({ ...own, 'config/edge/1a/zz.conf': sealed('c') })).map(describeDifference)).toEqual([
      'config/edge/1a/zz.conf: added',
    ]);
  });
});

describe('what is sealed after a command', () => {
  const before = { a: sealed('1'), b: sealed('1') };

  it('is what it has written, and not what another program had changed before', () => {
    const begun = found({ a: sealed('foreign'), b: sealed('foreign'), c: sealed('foreign') });
    const ended = found({ a: sealed('foreign'), b: sealed('2'), c: sealed('foreign'), d: sealed('new') });
    expect(sealedAfter(before, begun, ended, false)).toEqual({ a: sealed('1'), b: sealed('2'), d: sealed('new') });
    expect(sealedAfter(before, begun, ended, true)).toEqual(ended.files);
    // A killed command may have written all of it.
    expect(sealedAfter(undefined, begun, ended, false)).toEqual(ended.files);
  });

  it('keeps the hash of what it could not read and has not written', () => {
    const { sha256: _, ...unread } = sealed('1');
    const looked = (stamp: string): Found => ({ ...found({ a: unread, b: sealed('1') }), unread: { a: stamp } });
    expect(sealedAfter(before, looked('1'), looked('1'), false)).toEqual(before);
    expect(sealedAfter(before, looked('1'), looked('2'), false)).toEqual({ a: unread, b: sealed('1') });
  });

  it('keeps what could not be looked at', () => {
    expect(sealedAfter({ 'secrets/x': sealed('1') }, found({}, ['secrets']), found({}, ['secrets']), false)).toEqual({
      'secrets/x': sealed('1'),
    });
  });
});

describe('the state folder', () => {
  let root: string;
  let state: StateFolder;
  const run = (command: string, work: () => void = () => {}, how = { killed: false, accepts: false }) => {
    const sealing = beginSeal(state, how);
    work();
    sealing.end(command, new Date('2026-11-30T12:00:00Z'));
    return sealing.foreign;
  };
  const write = (name: string, text: string, mode = 0o600) => {
    mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    writeFileSync(path.join(root, name), text, { mode });
  };
  const check = () => integrityChecks(state)[0];

  beforeEach(() => {
    root = mkdtempSync(path.join(os.tmpdir(), 'medianest-seal-'));
    state = new StateFolder(root);
    write('secrets.json', '{}');
    write('certs/edge/01/privkey.pem', 'key', 0o400);
    symlinkSync('01', path.join(root, 'certs/edge/current'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  it('says nothing before the first command, and that all is as it was left after it', () => {
    expect(integrityChecks(state)).toEqual([]);
    expect(run('up')).toEqual([]);
    expect(check()).toMatchObject({ id: 'integrity', status: 'ok', value: 3 });
    expect(statSync(path.join(root, 'sealed.json')).mode & 0o777).toBe(0o600);
    // What jobs, the agent and ACME write at any time is not sealed.
    for (const name of ['metrics/backup.prom', 'certs/edge/attempts.json', 'alerts.json', 'audit.jsonl', 'certs/edge/01/ocsp.der'])
      write(name, 'x');
    expect(check()).toMatchObject({ status: 'ok', value: 3 });
  });

  it('tells a change until a person accepts it by `up`, whatever runs meanwhile', () => {
    run('up');
    write('secrets.json', '{"stolen": true}');
    expect(check()).toMatchObject({ status: 'fail', message: expect.stringContaining('secrets.json: changed') });
    expect(run('certs renew', () => write('certs/edge/02/privkey.pem', 'new', 0o400))).toEqual(['secrets.json: changed']);
    expect(check()).toMatchObject({ status: 'fail', value: 1 });
    // Undone, it is as it was left.
    write('secrets.json', '{}');
    expect(check()).toMatchObject({ status: 'ok', value: 4 });
    write('secrets.json', '{"mine": true}');
    expect(run('up', () => {}, { killed: false, accepts: true })).toEqual(['secrets.json: changed']);
    expect(check()).toMatchObject({ status: 'ok' });
  });

  it('tells rights as a warning, and what was removed or added as a failure', () => {
    run('up');
    chmodSync(path.join(root, 'certs/edge/01/privkey.pem'), 0o444);
    expect(check()).toMatchObject({ status: 'warn', message: expect.stringContaining('privkey.pem: mode 0444 instead of 0400') });
    rmSync(path.join(root, 'secrets.json'));
    write('ca/root.json', '{}');
    write('encryption.key', '{}');
    expect(check()).toMatchObject({
      status: 'fail',
      message: expect.stringMatching(/ca\/root\.json: added, certs\/.*, encryption\.key: added, secrets\.json: removed$/),
    });
  });

  it('judges nothing while a command writes, and nothing of one that was killed', () => {
    run('up');
    beginAudit(state.at('audit.jsonl'), { time: '2026-11-30T12:00:00Z', user: 'me', command: 'medianest secrets rotate', plan: 'x' });
    write('secrets.json', '{"half": "way"}');
    expect(integrityChecks(state)).toEqual([]);
    rmSync(state.at('audit.open'));
    expect(run('up', () => {}, { killed: true, accepts: false })).toEqual([]);
    expect(check()).toMatchObject({ status: 'ok' });
  });

  it('is not called whole where the seal is damaged', () => {
    run('up');
    writeFileSync(state.at('sealed.json'), readFileSync(state.at('sealed.json'), 'utf8').slice(0, 40));
    expect(check()).toMatchObject({ status: 'warn', message: expect.stringMatching(/cannot be told: .*sealed\.json is damaged/) });
    expect(() => compareSeal(state)).toThrow(/is damaged/);
    // Not as a fault of the program, which would keep every command from running.
    writeFileSync(state.at('sealed.json'), '{"at": "", "command": "", "files": null}');
    expect(() => compareSeal(state)).toThrow(/is damaged/);
  });

  it('is sealed by the next command where this one could not write the seal, and nothing is told of what it has changed', () => {
    run('up');
    // In the way of the file that the seal is written to first.
    mkdirSync(state.at(`sealed.json.${process.pid}.tmp`));
    expect(() => run('secrets rotate', () => write('secrets.json', '{"new": true}'))).toThrow(/sealed\.json/);
    expect(integrityChecks(state)).toEqual([]);
    rmSync(state.at(`sealed.json.${process.pid}.tmp`), { recursive: true });
    expect(run('certs renew')).toEqual([]);
    expect(check()).toMatchObject({ status: 'ok' });
  });
});
