import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FollowedFile } from '../../../src/bans/enforce/follow-file.ts';
import { guessOf, isNew, lineOf, messageOf } from '../../../src/bans/plan/ssh-lines.ts';
import { WaitingGuesses } from '../../../src/bans/plan/waiting-guesses.ts';

// The first ones recorded of OpenSSH 9.2, the others as 10.0 writes them, with the heads that rsyslog gives them.
const RECORDED = `Nov 30 10:00:01 host sshd[811]: Invalid user admin from 203.0.113.5 port 40022
Nov 30 10:00:01 host sshd[811]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.5
Nov 30 10:00:03 host sshd[811]: Failed password for invalid user admin from 203.0.113.5 port 40022 ssh2
Nov  3 10:00:05 host sshd[812]: Failed password for root from 203.0.113.6 port 40023 ssh2
Nov 30 10:00:06 host sshd[811]: Connection closed by invalid user admin 203.0.113.5 port 40022 [preauth]
2026-11-30T10:00:07.123456+00:00 host sshd-session[901]: Failed keyboard-interactive/pam for root from 2001:db8:1:2::9 port 5 ssh2
2026-11-30T10:00:08.123456+00:00 host sshd-session[901]: Disconnected from authenticating user root 198.18.0.3 port 40 [preauth]
2026-11-30T10:00:09.123456+00:00 host sshd-session[901]: error: maximum authentication attempts exceeded for root from 198.18.0.4 port 40 ssh2 [preauth]
2026-11-30T10:00:10.123456+00:00 host sshd-session[902]: Unable to negotiate with 198.18.0.5 port 41: no matching key exchange method found. Their offer: diffie-hellman-group1-sha1 [preauth]
2026-11-30T10:00:11.123456+00:00 host sshd-session[903]: banner exchange: Connection from 198.18.0.6 port 42: invalid format
2026-11-30T10:00:12.123456+00:00 host sshd-session[904]: Accepted publickey for dana from 192.0.2.7 port 43 ssh2: ED25519 SHA256:abc
2026-11-30T10:00:13.123456+00:00 host sshd-session[904]: Disconnected from user dana 192.0.2.7 port 43
2026-11-30T10:00:14.123456+00:00 host sudo[905]: Failed password for root from 192.0.2.8 port 43 ssh2
`;
const guesses = (text: string, open = new Set<string>()) =>
  text.split('\n').flatMap((line) => {
    const message = messageOf(line);
    const guess = message === undefined ? undefined : guessOf(message);
    return guess && isNew(guess, open) ? [`${guess.client} ${guess.what}`] : [];
  });
/** What waits of these messages, as `client kind`. */
const waitingOf = (waiting: WaitingGuesses) =>
  waiting.first(10_000).map((line) => {
    const { client, path: what } = JSON.parse(line);
    return `${client} ${what}`;
  });
const addAll = (waiting: WaitingGuesses, ...messages: string[]) => {
  for (const message of messages) {
    const guess = guessOf(message);
    if (guess) waiting.add(guess, new Date(0));
  }
};

describe('what sshd logs', () => {
  it('tells of each failed sign-in once, with the network of its client', () => {
    expect(guesses(RECORDED)).toEqual([
      '203.0.113.5 password',
      '203.0.113.6 password',
      '2001:db8:1:2:: password',
      '198.18.0.3 closed',
      '198.18.0.4 attempts',
      '198.18.0.5 protocol',
      '198.18.0.6 protocol',
    ]);
  });

  it.each([
    'Failed password for invalid user root from 198.18.0.1 port 1 ssh2 from 203.0.113.5 port 2 ssh2',
    'Connection closed by invalid user x 198.18.0.1 port 1 [preauth] 203.0.113.5 port 2 [preauth]',
    'Unable to negotiate with 203.0.113.5 port 2: no matching cipher found. Their offer: with 198.18.0.1 port 1: [preauth]',
    'error: maximum authentication attempts exceeded for invalid user a from 198.18.0.1 port 1 ssh2 [preauth] from 203.0.113.5 port 2 ssh2 [preauth]',
    'Failed password for invalid user x from ::ffff:198.18.0.1 port 3 ssh2 from ::ffff:203.0.113.5 port 2 ssh2',
  ])('takes nothing that a client has typed for its address: %s', (message) => {
    expect(guessOf(message)?.client).toBe('203.0.113.5');
  });

  it.each([
    'Received disconnect from 203.0.113.5 port 1:11: Failed password for root from 198.18.0.1 port 1 ssh2',
    'Failed password for root from nowhere port 1 ssh2',
    'Failed publickey for dana from 192.0.2.7 port 43 ssh2: RSA SHA256:abc',
    'Failed none for invalid user x from 192.0.2.7 port 43 ssh2',
  ])('does not count %s', (message) => {
    expect(guessOf(message)).toBeUndefined();
  });

  it.each([
    // One password, then the connection is given up; three, then sshd ends it; keys alone; no sign-in at all.
    ['Failed password for root from 203.0.113.5 port 7 ssh2', 'Connection closed by authenticating user root 203.0.113.5 port 7 [preauth]'],
    [
      'Failed keyboard-interactive/pam for invalid user x from 203.0.113.5 port 7 ssh2',
      'error: maximum authentication attempts exceeded for invalid user x from 203.0.113.5 port 7 ssh2 [preauth]',
      'Disconnected from invalid user x 203.0.113.5 port 7 [preauth]',
    ],
    ['Connection reset by authenticating user root 203.0.113.5 port 7 [preauth]'],
    ['banner exchange: Connection from 203.0.113.5 port 7: invalid format'],
  ])('tells of one failed sign-in by %s', (...messages) => {
    const waiting = new WaitingGuesses();
    addAll(waiting, ...messages);
    expect(waitingOf(waiting)).toHaveLength(1);
  });

  it('tells of each password of one connection, and of each connection', () => {
    const waiting = new WaitingGuesses();
    const failed = 'Failed password for root from 203.0.113.5 port 7 ssh2';
    const closed = 'Connection closed by authenticating user root 203.0.113.5 port 7 [preauth]';
    addAll(waiting, failed, failed, closed, closed, failed, closed);
    // The port is used again, by a client that gives up.
    expect(waitingOf(waiting).map((one) => one.split(' ')[1])).toEqual(['password', 'password', 'closed', 'password']);
  });

  it('counts a line that rsyslog has written once for several', () => {
    const waiting = new WaitingGuesses();
    addAll(waiting, 'message repeated 3 times: [ Failed password for root from 203.0.113.5 port 7 ssh2]');
    expect(waitingOf(waiting)).toHaveLength(3);
    addAll(waiting, 'message repeated 999999999 times: [ Failed password for root from 203.0.113.6 port 7 ssh2]');
    expect(waitingOf(waiting)).toHaveLength(23);
    expect(guessOf('message repeated 3 times: [ Accepted password for root from 203.0.113.5 port 7 ssh2]')).toBeUndefined();
  });

  it('of a burst of 10,000 lines by one client leaves place for all others, and says what it had to leave out', () => {
    const waiting = new WaitingGuesses();
    const failed = (client: string, port: number) => `Failed password for root from ${client} port ${port} ssh2`;
    for (let port = 0; port < 10_000; port++) addAll(waiting, failed('203.0.113.5', port));
    addAll(waiting, failed('203.0.113.6', 1));
    expect(waitingOf(waiting).at(-1)).toBe('203.0.113.6 password');
    expect([waitingOf(waiting).length, waiting.leftOut]).toEqual([21, 0]);
    for (let nth = 0; nth < 3000; nth++) addAll(waiting, failed(`198.18.${nth >> 8}.${nth & 255}`, 1));
    expect([waitingOf(waiting).length, waiting.leftOut]).toEqual([2000, 1021]);
    waiting.told(500);
    expect([waitingOf(waiting).length, waiting.leftOut]).toEqual([1500, 1021]);
    waiting.told(1500);
    expect([waitingOf(waiting).length, waiting.leftOut]).toEqual([0, 0]);
    addAll(waiting, failed('203.0.113.5', 1));
    expect(waitingOf(waiting)).toEqual(['203.0.113.5 password']);
  });

  it('reaches CrowdSec without the name that was typed', () => {
    const guess = guessOf('Failed password for invalid user my-password from 203.0.113.5 port 2 ssh2');
    if (!guess) throw new Error('it is one');
    expect(lineOf(guess, new Date('2026-11-30T10:00:00.123Z'))).toBe(
      '{"time":"2026-11-30T10:00:00+00:00","client":"203.0.113.5","what":"ssh","status":401,"method":"SSH","path":"password"}',
    );
  });
});

it('a log is followed from its end, through rotation by a new file and by cutting it, and through lines that come in parts', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-log-'));
  const file = path.join(dir, 'auth.log');
  writeFileSync(file, 'old\n');
  const log = new FollowedFile(file);
  try {
    expect(log.lines()).toEqual([]);
    appendFileSync(file, 'one\ntw');
    expect(log.lines()).toEqual(['one']);
    appendFileSync(file, 'o\n');
    expect(log.lines()).toEqual(['two']);
    // logrotate: what was written before it is read, and what comes after is.
    appendFileSync(file, 'three\n');
    renameSync(file, `${file}.1`);
    appendFileSync(`${file}.1`, 'four\n');
    expect(log.lines()).toEqual(['three', 'four']);
    writeFileSync(file, 'five\n');
    expect(log.lines()).toEqual(['five']);
    // What cannot be read takes its place: the last lines are read all the same, and then that is told.
    appendFileSync(file, 'last\n');
    renameSync(file, `${file}.2`);
    mkdirSync(file);
    expect(log.lines()).toEqual(['last']);
    expect(() => log.lines()).toThrow('EISDIR');
    log.close();
    rmSync(file, { recursive: true });
    writeFileSync(file, '');
    expect(log.lines()).toEqual([]);
    // copytruncate.
    truncateSync(file, 0);
    expect(log.lines()).toEqual([]);
    appendFileSync(file, 'six\n');
    expect(log.lines()).toEqual(['six']);
    // A flood is read in parts, and no line is lost.
    appendFileSync(file, `${'x'.repeat(99)}\n`.repeat(10_000));
    const counts = Array.from({ length: 6 }, () => log.lines().length);
    expect(counts.reduce((sum, count) => sum + count)).toBe(10_000);
    expect(Math.max(...counts)).toBeLessThan(3_000);
  } finally {
    log.close();
    rmSync(dir, { recursive: true });
  }
});

it('a log that is not there yet is told, and read from its beginning once it is', () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-log-'));
  const file = path.join(dir, 'auth.log');
  const log = new FollowedFile(file);
  expect(() => log.lines()).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  writeFileSync(file, 'first\n');
  expect(log.lines()).toEqual(['first']);
  log.close();
  rmSync(dir, { recursive: true });
});

describe('a log', () => {
  const following = () => {
    const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-log-'));
    const file = path.join(dir, 'auth.log');
    const log = new FollowedFile(file);
    onTestFinished(() => {
      log.close();
      rmSync(dir, { recursive: true });
    });
    return { file, log };
  };

  it('with a line that never ends gives neither its beginning nor its end, and all others', () => {
    const { file, log } = following();
    writeFileSync(file, '');
    log.lines();
    appendFileSync(file, `before\nNov 30 10:00:00 host sshd[1]: Failed password for ${'x'.repeat(3_000_000)}`);
    const found = [];
    for (let round = 0; round < 14; round++) found.push(...log.lines());
    appendFileSync(file, ' from 203.0.113.5 port 7 ssh2\nafter\n');
    appendFileSync(file, `${'y'.repeat(9000)}\nlast\n`);
    for (let round = 0; round < 3; round++) found.push(...log.lines());
    expect(found).toEqual(['before', 'after', 'last']);
  });

  it('that could not be read for a while is read on from there, so that nothing counts twice', () => {
    const { file, log } = following();
    writeFileSync(file, 'old\n');
    expect(log.lines()).toEqual([]);
    appendFileSync(file, 'one\n');
    expect(log.lines()).toEqual(['one']);
    log.close();
    appendFileSync(file, 'two\n');
    expect(log.lines()).toEqual(['two']);
    // Cut meanwhile: from its beginning.
    log.close();
    writeFileSync(file, '3\n');
    expect(log.lines()).toEqual(['3']);
  });

  it('that is there, but not readable at first, is read from its end', () => {
    const { file, log } = following();
    symlinkSync(file, file);
    expect(() => log.lines()).toThrow(expect.objectContaining({ code: 'ELOOP' }));
    rmSync(file);
    writeFileSync(file, 'a week ago\n');
    expect(log.lines()).toEqual([]);
    appendFileSync(file, 'now\n');
    expect(log.lines()).toEqual(['now']);
  });

  it('that is cut in the middle of a line does not join it to the next one', () => {
    const { file, log } = following();
    writeFileSync(file, '');
    log.lines();
    appendFileSync(file, 'a line that is half wri');
    expect(log.lines()).toEqual([]);
    writeFileSync(file, 'new\n');
    expect(log.lines()).toEqual(['new']);
  });
});
