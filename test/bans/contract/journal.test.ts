import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { JOURNAL } from '../../../src/bans/enforce/host-logs.ts';

/** A journal of its own, in a mount namespace: that of this host is not touched. The fields are those of sd_journal_send(3). */
const SCRIPT = `
  mount --make-rprivate / && mount -t tmpfs none /run && mkdir -p /run/systemd/journal /run/log/journal
  exec 9>&1 >/dev/null 2>&1
  /lib/systemd/systemd-journald & journald=$!
  until [ -S /run/systemd/journal/socket ]; do sleep 0.1; done
  timeout 6 journalctl "$@" >&9 & reader=$!
  sleep 2
  python3 - <<'END'
import os, socket
os.chmod('/run/systemd/journal/socket', 0o666)
def say(identifier, message, uid=0):
    if os.fork() == 0:
        if uid: os.setuid(uid)
        text = f'SYSLOG_IDENTIFIER={identifier}\\nMESSAGE={message}\\n'
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(text.encode(), '/run/systemd/journal/socket')
        os._exit(0)
    os.wait()
say('sshd', 'old program')
say('sshd', 'not root', 65534)
say('sudo', 'another program')
say('sshd-session', 'new program')
END
  wait $reader
  kill $journald`;

it('of the journal, what sshd says is read as it comes, and nothing that another user has written in its name', { timeout: 30_000 }, () => {
  const read = execFileSync('unshare', ['--mount', 'bash', '-c', SCRIPT, 'journal', ...JOURNAL], { encoding: 'utf8' });
  expect(read.trim().split('\n')).toEqual(['old program', 'new program']);
});
