import net from 'node:net';
import { describe, expect, it } from 'vitest';
import { askHostKey } from '../../../src/bastion/ask-host-key.ts';
import { type BastionState, bastionChecks, liveSessions, localPort, personRows, sshCommand } from '../../../src/bastion/plan/describe.ts';
import type { BastionPerson } from '../../../src/bastion/plan/people.ts';

const NOW = new Date('2026-11-30T12:00:00Z');
const person = (name: string, until?: string): BastionPerson => ({
  name,
  role: 'admin',
  added: '2026-11-01T00:00:00Z',
  factor: { secret: 'A'.repeat(32), scratch: ['12345678'] },
  keys: [{ type: 'ssh-ed25519', blob: 'AAAA', fingerprint: 'SHA256:x' }],
  ...(until && { until }),
});
const GOOD: BastionState = { problem: '', missing: [], writable: true, live: [] };
const OURS = { expected: 'ssh-ed25519 AAAA', found: 'ssh-ed25519 AAAA' };
const verdicts = (...args: Parameters<typeof bastionChecks>) => bastionChecks(...args).map(({ id, status }) => `${id} ${status}`);

describe('health of the bastion', () => {
  it('is good where its host key answers and codes work', () => {
    expect(verdicts([person('alice')], GOOD, OURS, NOW)).toEqual(['bastion ok']);
  });

  it('tells of another server, of none, and of people whose time is over', () => {
    expect(verdicts([], GOOD, { ...OURS, found: 'ssh-ed25519 BBBB' }, NOW)).toEqual(['bastion fail']);
    expect(verdicts([], GOOD, { expected: OURS.expected, failed: 'connect ECONNREFUSED' }, NOW)).toEqual(['bastion fail']);
    expect(verdicts([person('alice', '2026-11-30T11:59:59Z')], GOOD, OURS, NOW)).toEqual(['bastion ok', 'bastion.past warn']);
    expect(personRows([person('alice', '2026-11-30T11:59:59Z')], NOW)[1]).toContain('2026-11-30T11:59:59Z (past)');
  });

  it('is bad where codes cannot be noted or read, and where that cannot be told', () => {
    for (const state of ['away', { ...GOOD, problem: 'damaged' }, { ...GOOD, writable: false }, { ...GOOD, missing: ['bob'] }])
      expect(verdicts([], state, OURS, NOW)).toEqual(['bastion ok', 'bastion.factors fail']);
  });
});

describe('the host key that answers', () => {
  const serving = async (say: string, ask: (port: number) => Promise<void>) => {
    const server = net.createServer((socket) => {
      socket.on('error', () => {});
      socket.end(say);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await ask((server.address() as net.AddressInfo).port);
    } finally {
      server.close();
    }
  };

  it('is asked of an SSH server alone, and never believed without proof', async () => {
    const told: [string, RegExp][] = [
      ['HTTP/1.1 400 Bad Request\r\n\r\n', /no SSH server/],
      ['', /closed/],
      ['SSH-2.0-x\r\n', /closed/],
      ['SSH-2.0-x\r\n\xff\xff\xff\xff', /no SSH server/],
      [`SSH-2.0-x\r\n\0\0\0\x0c\x04\x01${'a'.repeat(10)}`, /begins no key exchange/],
      ['x'.repeat(70_000), /no SSH server/],
    ];
    for (const [say, why] of told)
      await serving(say, async (port) => await expect(askHostKey('127.0.0.1', port), say.slice(0, 20)).rejects.toThrow(why));
  });
});

it('sessions are those whose processes run', () => {
  const session = { pid: 1, child: 2, name: 'alice', from: '10.0.0.1 port 5', since: '2026-11-30T11:00:00Z', targets: ['database:5432'] };
  expect(liveSessions([session], [{ pid: 2, name: 'alice' }])).toEqual([
    { name: 'alice', from: '10.0.0.1 port 5', since: '2026-11-30T11:00:00Z', key: null, targets: ['database:5432'] },
  ]);
  expect(liveSessions([session], [])).toEqual([]);
  // Its beginning is no longer in the journal; the number is another session's.
  expect(liveSessions([session], [{ pid: 2, name: 'bob' }])).toEqual([{ name: 'bob', from: null, since: null, key: null, targets: [] }]);
});

it('the command for a target listens on this machine alone, on a port that needs no root', () => {
  expect(sshCommand('database:5432', { host: 'media.example.org', port: 2222, name: 'alice' })).toBe(
    'ssh -N -p 2222 -L 127.0.0.1:5432:database:5432 alice@media.example.org',
  );
  expect(localPort('proxy:443')).toBe(10_443);
});
