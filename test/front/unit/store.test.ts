import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { NO_CLAIMS } from '../../../src/front/plan/claims.ts';
import * as store from '../../../src/front/store.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const placeIn = (folder: string) => store.frontPlace({ XDG_STATE_HOME: folder });
const lockOf = (place: store.Place, work: () => Promise<void>) =>
  store.withFrontLock(place, { command: 'test', signal: new AbortController().signal, onWait: () => undefined }, work);

describe('the front’s state folder', () => {
  it('is the user’s, and names the front', () => {
    const [one, other] = [placeIn('/one'), placeIn('/other')];
    expect(one.root).toBe('/one/medianest/front');
    expect(one.name).toMatch(/^medianest-front-[0-9a-f]{6}$/);
    expect(other.name).not.toBe(one.name);
    // A relative path is none (XDG Base Directory Specification).
    const without = store.frontPlace({ XDG_STATE_HOME: 'relative', HOME: '/home/maria' }).root;
    expect(without).toBe(process.geteuid?.() === 0 ? '/var/lib/medianest/front' : '/home/maria/.local/state/medianest/front');
  });

  it('is closed to other users, and a project’s sockets are open to the user of its container', async () => {
    const place = placeIn(temporaryFolder('front'));
    await lockOf(place, async () => store.makeSockets(place, 'shop'));
    expect(statSync(place.root).mode & 0o777).toBe(0o700);
    expect(statSync(path.join(place.root, 'sockets/shop')).mode & 0o777).toBe(0o777);
    expect(store.hasSockets(place, 'shop')).toBe(true);
    chmodSync(path.join(place.root, 'sockets/shop'), 0o755);
    expect(store.hasSockets(place, 'shop')).toBe(false);
    expect(store.hasSockets(place, 'media')).toBe(false);
  });

  it('is changed by one command at a time', async () => {
    const place = placeIn(temporaryFolder('front'));
    const seen: string[] = [];
    const work = (name: string) =>
      lockOf(place, async () => {
        seen.push(`${name} begins`);
        await new Promise((resolve) => setTimeout(resolve, 50));
        seen.push(`${name} ends`);
      });
    await Promise.all([work('a'), work('b')]);
    expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends']);
  });

  it('keeps the configuration that is read, and switches at once', () => {
    const place = placeIn(temporaryFolder('front'));
    const first = store.switchConfig(place, { names: 'a' });
    const second = store.switchConfig(place, { names: 'b' });
    expect(store.currentConfig(place)).toBe(second);
    store.removeOldConfigs(place, second);
    expect(existsSync(path.join(place.root, 'config', first))).toBe(false);
    expect(readFileSync(path.join(place.root, 'config/current/names'), 'utf8')).toBe('b');
  });

  it('is never taken for empty where it is damaged or cannot be read', () => {
    const place = placeIn(temporaryFolder('front'));
    expect(store.readClaims(place)).toEqual(NO_CLAIMS);
    mkdirSync(place.root, { recursive: true });
    for (const text of ['', '{"version": 1', '{"version":1,"projects":{"a":{}}}']) {
      writeFileSync(path.join(place.root, 'claims.json'), text);
      expect(() => store.readClaims(place)).toThrow(/is not what medianest has written/);
    }
    const blocked = placeIn(temporaryFolder('front'));
    mkdirSync(path.join(blocked.root, 'claims.json'), { recursive: true });
    expect(() => store.readClaims(blocked)).toThrow(/cannot be read \(EISDIR\)/);
  });

  it('goes when it is empty, and stays where something else is in it', async () => {
    const place = placeIn(temporaryFolder('front'));
    await lockOf(place, async () => {
      store.makeSockets(place, 'shop');
      store.writeClaims(place, NO_CLAIMS);
      store.switchConfig(place, { names: '' });
      store.removeFiles(place);
    });
    writeFileSync(path.join(place.root, 'notes'), 'an operator’s');
    store.removeFolder(place);
    expect(existsSync(path.join(place.root, 'notes'))).toBe(true);
  });
});
