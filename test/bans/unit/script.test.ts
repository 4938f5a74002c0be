import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const disk = vi.hoisted(() => ({ text: '' }));
// The script has one fixed path, in its container; njs reads it as Node.js does.
vi.mock('fs', () => ({
  default: {
    openSync: () => 1,
    closeSync: () => undefined,
    ...{ appendFileSync: () => undefined, writeFileSync: () => undefined, renameSync: () => undefined },
    readSync: (_file: number, buffer: Buffer, at: number, length: number, from: number) =>
      Buffer.from(disk.text).copy(buffer, at, from, from + length),
  },
}));

class Shared extends Map<string, string> {
  freeSpace = () => 16 * 1024 ** 2;
}

const NOW = 1_000_000_000;
let ngx: { shared: { bans: Shared; bans_state: Shared } };

beforeEach(() => {
  vi.useFakeTimers({ now: NOW * 1000 });
  ngx = { shared: { bans: new Shared(), bans_state: new Shared() } };
  vi.stubGlobal('ngx', Object.assign(ngx, { log: () => undefined, ERR: 4 }));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const ban = (value: string) =>
  `{"duration":"4h0m0s","id":1,"origin":"crowdsec","scenario":"medianest/scanner","scope":"Ip","type":"ban","value":"${value}"}`;

it('counts a ban from the moment at which it was told, also behind an answer that told of none', async () => {
  const { default: bans } = await import('../../../templates/edge-bans/config/bans.js' as string);
  // An edge that has started while CrowdSec is away: all of the file is read at once.
  disk.text = [
    `\n${NOW - 36_000} {"deleted":null,"new":null}`,
    `\n${NOW - 600} {"deleted":null,"new":[${ban('192.0.2.1')}]}`,
    `\n${NOW - 300} {"deleted":[${ban('192.0.2.9')}],"new":[${ban('192.0.2.2')}]}`,
  ].join('');
  bans.read();
  expect([...ngx.shared.bans]).toEqual([
    ['192.0.2.1', `${NOW - 600 + 4 * 3600} medianest/scanner`],
    ['192.0.2.2', `${NOW - 300 + 4 * 3600} medianest/scanner`],
  ]);
});

it('asks for all bans after an answer that was lost on its way', async () => {
  const { default: bans } = await import('../../../templates/edge-bans/config/bans.js' as string);
  const asked: string[] = [];
  let lost = false;
  vi.stubGlobal('bans_settings', { server: '192.0.2.9:8080' });
  vi.stubGlobal('bans_key', { key: 'k' });
  Object.assign(ngx, {
    fetch: async (url: string) => {
      const startup = /startup=(\w+)/.exec(url)?.[1];
      if (startup) asked.push(startup);
      if (startup && lost) throw new Error('read timed out');
      return { status: 200, text: async () => '{"deleted":null,"new":null}' };
    },
  });
  for (lost of [false, false, true, false, false]) await bans.poll();
  expect(asked).toEqual(['true', 'false', 'false', 'true', 'false']);
});

it('serves who is never banned, whatever a ban says: the proxy in front, and a house of many behind one address', async () => {
  const { default: bans } = await import('../../../templates/edge-bans/config/bans.js' as string);
  disk.text = `\n${NOW} {"deleted":null,"new":[${ban('198.51.100.1')},${ban('192.0.0.0/8')},${ban('203.0.113.9').replace('medianest/scanner', 'forced: by a person')}]}`;
  bans.read();
  const refused = (remote_addr: string, never_banned: string) =>
    bans.until({
      uri: '/',
      variables: { remote_addr, never_banned },
      rawVariables: { binary_remote_addr: Buffer.from(remote_addr.split('.').map(Number)) },
    }) !== '';
  expect(['198.51.100.1', '192.168.1.7', '192.0.2.4'].map((address) => refused(address, '0'))).toEqual([true, true, true]);
  expect(['198.51.100.1', '192.168.1.7'].map((address) => refused(address, '1'))).toEqual([false, false]);
  expect(refused('203.0.113.9', '1')).toBe(true);
});
