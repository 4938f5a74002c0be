import type { AuditEntry } from '../../state/audit.ts';

/** One line of the journal that `pump` keeps in the bastion's volume. */
export interface JournalLine {
  /** Of this journal, and counted: `12cae51b01f6.7`. */
  id: string;
  /** ISO 8601, UTC. */
  time: string;
  text: string;
}

/** A session, as its lines tell it. */
export interface BastionSession {
  /** The process that watches over it, and the one that serves it. */
  pid: number;
  child?: number;
  name: string;
  /** Address and port of the client. */
  from: string;
  since: string;
  /** Fingerprint of the key. */
  key?: string;
  /** `database:5432`, each once, in the order in which they were first asked for. */
  targets: string[];
}

/** One event of a session; by its id it is noted once. */
interface BastionEvent {
  id: string;
  time: string;
  what: string;
  failed?: true;
  /** Of an end: how long the session was. */
  seconds?: number;
}

const USER = 'bastion';
const TAG = String.raw`(?:debug\d: )?[\w.-]+:\w+\(\):\d+ \(bin=[\w-]+, pid=(\d+)\): `;
const NAME = '([a-z][a-z0-9_-]{0,31})';
const FROM = String.raw`from ([0-9a-fA-F.:%]+) port (\d{1,5})`;
// The whole line has to fit: a client chooses the name that it asks for, which sshd writes into lines of its own.
const KEY = new RegExp(`^${TAG}Partial publickey for ${NAME} ${FROM} ssh2: \\S+ (SHA256:[A-Za-z0-9+/]{43})$`);
const IN = new RegExp(`^${TAG}Accepted keyboard-interactive/pam for ${NAME} ${FROM} ssh2$`);
const WRONG = new RegExp(`^${TAG}Failed keyboard-interactive/pam for ${NAME} ${FROM} ssh2$`);
const CHILD = new RegExp(`^${TAG}User child is on pid (\\d+)$`);
// The originator is any text that the client sends: it must not hide the target.
const ASKED = new RegExp(`^${TAG}originator (?:(?!, target ).)* port \\d+, target (\\S{1,255}) port (\\d{1,5})$`);
const HIDDEN = new RegExp(`^${TAG}originator `);
const DENIED = new RegExp(`^Received request ${FROM} to connect to host (\\S{1,255}) port (\\d{1,5}), but the request was denied\\.$`);
// A client that goes without a word: then the process that watches says nothing.
const CLOSED = /^Closing connection to ([0-9a-fA-F.:%]+) port (\d{1,5})$/;
const OUT = new RegExp(`^${TAG}do_cleanup$`);

/** The lines of a journal; one that was cut short, as by a full disk, is left out. */
export const journalLines = (text: string): JournalLine[] =>
  text.split('\n').flatMap((line) => {
    const [, id, time, rest] = /^([0-9a-f]{12}\.\d+)\t(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)\t(.*)$/.exec(line) ?? [];
    return id !== undefined && time !== undefined && rest !== undefined ? [{ id, time, text: rest }] : [];
  });

/** What sshd's lines say: events, and the sessions that have not ended. */
export function toldBy(lines: readonly JournalLine[]): { events: BastionEvent[]; open: BastionSession[] } {
  const told = new Told();
  for (const line of lines) {
    const [expression, read] = READ.find(([each]) => each.test(line.text)) ?? [];
    if (expression && read) read(told, line, (expression.exec(line.text) as RegExpExecArray).slice(1));
  }
  return { events: told.events, open: [...told.open.values()] };
}

/** What has been read of a journal so far. */
class Told {
  readonly events: BastionEvent[] = [];
  /** By the process that watches over it. */
  readonly open = new Map<number, BastionSession>();
  /** Process -> the key that was accepted there. */
  readonly keys = new Map<number, string>();
  /** `PID target` -> what was told of it. */
  readonly asked = new Map<string, BastionEvent>();

  tell({ id, time }: JournalLine, what: string, more: Pick<BastionEvent, 'failed' | 'seconds'> = {}): BastionEvent {
    const event = { id, time, what, ...more };
    this.events.push(event);
    return event;
  }

  end(line: JournalLine, session: BastionSession | undefined, how: string): void {
    if (!session) return;
    this.open.delete(session.pid);
    for (const asked of [...this.asked.keys()]) if (asked.startsWith(`${session.pid} `)) this.asked.delete(asked);
    const seconds = Math.max(0, (Date.parse(line.time) - Date.parse(session.since)) / 1000);
    this.tell(line, `${session.name}: ${how}`, { seconds });
  }

  find(fits: (session: BastionSession) => boolean): BastionSession | undefined {
    return [...this.open.values()].find(fits);
  }
}

const READ: readonly (readonly [RegExp, (told: Told, line: JournalLine, parts: string[]) => void])[] = [
  [
    /^started$/,
    (told, line) => {
      for (const session of [...told.open.values()]) told.end(line, session, 'the session ended with the container');
      told.keys.clear();
    },
  ],
  [KEY, (told, _line, [pid, , , , key = '']) => told.keys.set(Number(pid), key)],
  [
    IN,
    (told, line, [text, name = '', address, port]) => {
      const pid = Number(text);
      // A process that was killed says nothing of its end, and its number comes again.
      told.end(line, told.open.get(pid), 'the session ended');
      const key = told.keys.get(pid);
      const from = `${address} port ${port}`;
      told.open.set(pid, { pid, name, from, since: line.time, targets: [], ...(key !== undefined && { key }) });
      told.tell(line, `${name}: signed in from ${from}${key === undefined ? '' : ` (key ${key})`}`);
    },
  ],
  [
    WRONG,
    (told, line, [, name, address, port]) =>
      told.tell(line, `${name}: a wrong code, after the right key, from ${address} port ${port}`, { failed: true }),
  ],
  [
    CHILD,
    (told, _line, [pid, child]) => {
      const session = told.open.get(Number(pid));
      if (session) session.child = Number(child);
    },
  ],
  [
    ASKED,
    (told, line, [pid, host, port]) => {
      const session = told.find(({ child }) => child === Number(pid));
      const target = `${host}:${port}`;
      if (!session || told.asked.has(`${session.pid} ${target}`)) return;
      session.targets.push(target);
      told.asked.set(`${session.pid} ${target}`, told.tell(line, `${session.name}: opened ${target}`));
    },
  ],
  [
    HIDDEN,
    (told, line, [pid]) => {
      const session = told.find(({ child }) => child === Number(pid));
      const key = `${session?.pid} `;
      if (session && !told.asked.has(key)) told.asked.set(key, told.tell(line, `${session.name}: opened a target that its client hid`));
    },
  ],
  [
    // The same process has said before that it was asked.
    DENIED,
    (told, _line, [address, port, host, to]) => {
      const session = told.find(({ from }) => from === `${address} port ${port}`);
      const event = session && told.asked.get(`${session.pid} ${host}:${to}`);
      if (!event || event.failed) return;
      session.targets = session.targets.filter((target) => target !== `${host}:${to}`);
      event.what = `${session.name}: was refused ${host}:${to}`;
      event.failed = true;
    },
  ],
  [
    CLOSED,
    (told, line, [address, port]) =>
      told.end(
        line,
        told.find(({ from }) => from === `${address} port ${port}`),
        'the session ended',
      ),
  ],
  [OUT, (told, line, [pid]) => told.end(line, told.open.get(Number(pid)), 'the session ended')],
];

/** The events as lines of the audit log: those that are not there. The id of a journal's line stands where others have the hash of their plan. */
export function entriesOf(events: readonly BastionEvent[], audit: readonly AuditEntry[]): AuditEntry[] {
  const known = new Set(audit.filter(({ user }) => user === USER).map(({ plan }) => plan));
  return events
    .filter(({ id }) => !known.has(id))
    .map(({ id, time, what, failed, seconds = 0 }) => ({
      time: new Date(time).toISOString(),
      user: USER,
      command: what,
      plan: id,
      result: failed ? ('failed' as const) : ('done' as const),
      seconds,
    }));
}
