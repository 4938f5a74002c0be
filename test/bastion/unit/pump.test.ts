import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { journalLines } from '../../../src/bastion/plan/events.ts';
import { HOME } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

function pump(dir: string, lines: readonly string[]) {
  const program = readFileSync(path.join(HOME, 'templates/bastion/image/pump'), 'utf8');
  const file = path.join(dir, 'pump');
  const config = path.join(dir, 'sshd_config');
  writeFileSync(
    config,
    'Port 2222\nListenAddress 10.10.0.77\nListenAddress ::\nMatch Group bastion-admin\n  PermitOpen cache:6379 database:5432\n',
  );
  writeFileSync(file, program.replace('/var/lib/bastion', dir).replace('/etc/medianest/current/sshd_config', config));
  const input = lines.map((line) => `${line}\r\n`).join('');
  const shown = execFileSync('sh', ['-c', 'exec perl "$0" 2>&1', file], { input, encoding: 'utf8', maxBuffer: 32 * 1024 * 1024 });
  return {
    shown: shown.trimEnd().split('\n'),
    kept: journalLines(readFileSync(path.join(dir, 'journal'), 'utf8')).map(({ text }) => text),
  };
}

const TAG = (pid: number, where = 'auth.c:auth_log') => `${where}():296 (bin=sshd-session, pid=${pid}): `;
const IN = `${TAG(7)}Accepted keyboard-interactive/pam for alice from 10.0.0.7 port 5 ssh2`;
const OUT = `debug1: ${TAG(7, 'session.c:do_cleanup')}do_cleanup`;

describe('the pump of the bastion', () => {
  it('keeps what sessions did, and passes on what sshd says, without its own health check', () => {
    const own = 'Connection from 10.10.0.77 port 5 on 10.10.0.77 port 2222';
    const asked = `debug1: ${TAG(8, 'serverloop.c:server_request_direct_tcpip')}originator x port 1, target database port 5432`;
    const { shown, kept } = pump(temporaryFolder('program'), [own, IN, asked, OUT, `debug1: ${TAG(9, 'session.c:do_cleanup')}do_cleanup`]);
    expect(kept).toEqual(['started', IN, asked, OUT]);
    expect(shown).toEqual([IN, asked]);
  });

  it('is led by no name that a client makes up: its line is shown, and does not fill the journal', () => {
    const forged = ['a): Accepted x', 'server_request_direct_tcpip()', 'x from 10.10.0.77 port 1'].map(
      (name) => `${TAG(7)}Failed none for invalid user ${name} from 192.0.2.1 port 9 ssh2`,
    );
    const { shown, kept } = pump(temporaryFolder('program'), forged);
    expect(kept).toEqual(['started']);
    expect(shown).toEqual(forged);
  });

  it('keeps each target of a session once, and of refused ones so many: its beginning stays in the journal', () => {
    const asked = (target: string, pid = 8) =>
      `debug1: ${TAG(pid, 'serverloop.c:server_request_direct_tcpip')}originator x port 1, target ${target} port 5432`;
    const denied = (target: string) =>
      `Received request from 10.0.0.7 port 5 to connect to host ${target} port 5432, but the request was denied.`;
    const child = `${TAG(7, 'sshd-session.c:privsep_postauth')}User child is on pid 8`;
    const flood = Array.from({ length: 20_000 }, (_, index) => [asked(`x${index}`), denied(`x${index}`)]).flat();
    const { kept } = pump(temporaryFolder('program'), [
      IN,
      child,
      ...flood,
      asked('database'),
      asked('database'),
      child,
      asked('database'),
    ]);
    expect(kept.slice(0, 3)).toEqual(['started', IN, child]);
    expect(kept.slice(-3)).toEqual([asked('database'), child, asked('database')]);
    expect(kept).toHaveLength(3 + 2 * 200 + 3);
  });

  it('loses no line to one that a full disk has cut short', () => {
    const dir = temporaryFolder('program');
    pump(dir, [IN]);
    appendFileSync(path.join(dir, 'journal'), '0123456789ab.9\t2026-11');
    expect(pump(dir, [IN]).kept).toEqual(['started', IN, 'started', IN]);
  });
});
