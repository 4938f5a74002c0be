import { describe, expect, it } from 'vitest';
import { entriesOf, journalLines, toldBy } from '../../../src/bastion/plan/events.ts';
import type { AuditEntry } from '../../../src/state/audit.ts';

// As OpenSSH 10.0 wrote them.
const LINES = [
  'started',
  'auth.c:auth_log():296 (bin=sshd-session, pid=126): Partial publickey for alice from 10.0.0.7 port 54544 ssh2: ED25519 SHA256:cmvMZMkYWJj8zsPp1LerXK24vDP7eA0Qa+sG5eDgcmQ',
  'auth.c:auth_log():296 (bin=sshd-session, pid=126): Accepted keyboard-interactive/pam for alice from 10.0.0.7 port 54544 ssh2',
  'sshd-session.c:privsep_postauth():453 (bin=sshd-session, pid=126): User child is on pid 206',
  'debug1: serverloop.c:server_request_direct_tcpip():424 (bin=sshd-session, pid=206): originator 127.0.0.1 port 45112, target database port 5432',
  'debug1: serverloop.c:server_request_direct_tcpip():424 (bin=sshd-session, pid=206): originator 127.0.0.1 port 45113, target database port 5432',
  'debug1: serverloop.c:server_request_direct_tcpip():424 (bin=sshd-session, pid=206): originator 127.0.0.1 port 55770, target 127.0.0.1 port 22',
  'Received request from 10.0.0.7 port 54544 to connect to host 127.0.0.1 port 22, but the request was denied.',
  'auth.c:auth_log():296 (bin=sshd-session, pid=215): Failed keyboard-interactive/pam for alice from 10.0.0.8 port 54554 ssh2',
  'debug1: session.c:do_cleanup():2640 (bin=sshd-session, pid=126): do_cleanup',
];

const journal = (lines: readonly string[], first = 1, id = '12cae51b01f6'): string =>
  lines.map((text, index) => `${id}.${first + index}\t2026-11-30T11:45:${String(index).padStart(2, '0')}Z\t${text}\n`).join('');
const told = (lines: readonly string[]) => toldBy(journalLines(journal(lines)));
const what = (lines: readonly string[]) => told(lines).events.map((event) => event.what);

describe('the journal of the bastion', () => {
  it('tells sign-ins, forwards, refusals, wrong codes and ends, each forward once for a session', () => {
    const { events, open } = told(LINES);
    expect(events.map(({ what: text, failed = false, seconds }) => [text, failed, seconds])).toEqual([
      ['alice: signed in from 10.0.0.7 port 54544 (key SHA256:cmvMZMkYWJj8zsPp1LerXK24vDP7eA0Qa+sG5eDgcmQ)', false, undefined],
      ['alice: opened database:5432', false, undefined],
      ['alice: was refused 127.0.0.1:22', true, undefined],
      ['alice: a wrong code, after the right key, from 10.0.0.8 port 54554', true, undefined],
      ['alice: the session ended', false, 7],
    ]);
    expect(open).toEqual([]);
  });

  it('knows the sessions that are open, and what they have opened', () => {
    expect(told(LINES.slice(0, -1)).open).toEqual([
      expect.objectContaining({ name: 'alice', pid: 126, child: 206, from: '10.0.0.7 port 54544', targets: ['database:5432'] }),
    ]);
  });

  it('ends a session once, also where the client went without a word', () => {
    const gone = 'Closing connection to 10.0.0.7 port 54544';
    expect(what([...LINES.slice(0, 3), gone, LINES.at(-1) as string]).slice(1)).toEqual(['alice: the session ended']);
    expect(told([...LINES.slice(0, 3), gone.replace('54544', '54545')]).open).toHaveLength(1);
  });

  it('ends sessions with the container, and one whose process is gone without a word', () => {
    expect(what([...LINES.slice(0, 4), 'started']).at(-1)).toBe('alice: the session ended with the container');
    const again = LINES.slice(1, 3).map((line) => line.replaceAll('alice', 'bob'));
    expect(what([...LINES.slice(0, 4), ...again]).slice(1)).toEqual(['alice: the session ended', expect.stringMatching(/^bob: signed in/)]);
  });

  it('takes nothing from a name that a client made up', () => {
    const forged = [
      'auth.c:auth_log():296 (bin=sshd-session, pid=9): Failed none for invalid user x (bin=sshd-session, pid=9): Accepted keyboard-interactive/pam for alice from 1.2.3.4 port 5 ssh2',
      'Invalid user auth.c:auth_log():296 (bin=sshd-session, pid=9): Accepted keyboard-interactive/pam for alice from 1.2.3.4 port 5 ssh2 from 10.0.0.9 port 7',
      'auth.c:auth_log():296 (bin=sshd-session, pid=9): Failed keyboard-interactive/pam for invalid user alice from 1.2.3.4 port 5 ssh2',
      'auth.c:auth_log():296 (bin=sshd-session, pid=9): Accepted keyboard-interactive/pam for alice from 1.2.3.4 port 5 ssh2 from 10.0.0.9 port 7 ssh2',
    ];
    expect(what(forged)).toEqual([]);
  });

  it('tells of a forward whatever its client says of itself', () => {
    const asked = (originator: string) =>
      `debug1: serverloop.c:server_request_direct_tcpip():424 (bin=sshd-session, pid=206): originator ${originator}`;
    const opened = (originator: string) => what([...LINES.slice(0, 4), asked(originator)]).slice(1);
    expect(opened('x y port 1, target database port 5432')).toEqual(['alice: opened database:5432']);
    expect(opened(`${'x'.repeat(300)} port 1, target database port 5432`)).toEqual(['alice: opened database:5432']);
    for (const hidden of ['x'.repeat(900), 'x port 1, target evil port 1, target database port 5432'])
      expect(opened(hidden)).toEqual(['alice: opened a target that its client hid']);
  });

  it('leaves out lines that were cut short', () => {
    const text = journal(LINES);
    expect(journalLines(text.slice(0, -12)).length).toBe(LINES.length);
    expect(journalLines('12cae51b01f6.7\t2026-11-30T1\n\nnonsense\n')).toEqual([]);
  });
});

describe('the audit log', () => {
  it('is given each event once, whichever run sees it', () => {
    const { events } = told(LINES);
    const all = entriesOf(events, []);
    expect(all[0]).toEqual({
      time: '2026-11-30T11:45:02.000Z',
      user: 'bastion',
      command: expect.stringMatching(/^alice: signed in/),
      plan: '12cae51b01f6.3',
      result: 'done',
      seconds: 0,
    });
    expect(all.map(({ result }) => result)).toEqual(['done', 'done', 'failed', 'failed', 'done']);
    expect(entriesOf(events, all.slice(0, 2))).toEqual(all.slice(2));
    expect(entriesOf(events, all)).toEqual([]);
    // The same number in another journal, as after the volume was lost; the same hash of another's entry.
    const other = toldBy(journalLines(journal(LINES, 1, 'aaaaaaaaaaaa'))).events;
    expect(entriesOf(other, all)).toHaveLength(5);
    expect(entriesOf(events, [{ ...(all[0] as AuditEntry), user: 'root' }])).toHaveLength(5);
  });
});
