import { formatSpan, parseSpan, unmapped } from '../../firewall/plan/addresses.ts';

/** Under what names sshd logs: since OpenSSH 9.8 it is several programs. */
export const SSHD = ['sshd', 'sshd-session', 'sshd-auth'] as const;

/** A failed sign-in at the SSH server of the host. */
export interface Guess {
  /** An IPv4 address, or the first one of an IPv6 /64: as the edge names a client. */
  client: string;
  what: 'password' | 'closed' | 'attempts' | 'protocol';
  /** The connection that it was made on: address and port of the client. */
  connection: string;
  /** How many of them the line tells of. */
  times: number;
}

/**
 * sshd writes the address behind the name that the client has chosen, which may look like an address itself: the last one counts. Where
 * text of the client follows, the address is the first. `Invalid user` and `pam_unix` tell of the same attempt once more, and so does what
 * tells of the end of a connection (`isNew`).
 */
const LINES: readonly (readonly [Guess['what'], RegExp])[] = [
  ['password', /^Failed (?:password|keyboard-interactive\/\S+) for .* from (\S+) port (\d+) ssh2$/],
  ['closed', /^(?:Connection (?:closed|reset) by|Disconnected from) (?:authenticating|invalid) user .* (\S+) port (\d+) \[preauth\]$/],
  ['attempts', /^(?:error: )?maximum authentication attempts exceeded for .* from (\S+) port (\d+) ssh2 \[preauth\]$/],
  ['protocol', /^(?:fatal: )?Unable to negotiate with (\S+) port (\d+): /],
  ['protocol', /^banner exchange: Connection from (\S+) port (\d+): invalid format$/],
];

/** How rsyslog writes a line that comes several times (`$RepeatedMsgReduction`). */
const REPEATED = /^message repeated (\d{1,9}) times: \[ (.*)\]$/;

/** What sshd has said -> who failed to sign in; undefined for anything else. */
export function guessOf(message: string): Guess | undefined {
  const [, times, said = message] = REPEATED.exec(message) ?? [];
  for (const [what, pattern] of LINES) {
    const [, written = '', port = ''] = pattern.exec(said) ?? [];
    const address = unmapped(written);
    const span = parseSpan(address.includes(':') ? `${address}/64` : address);
    if (span)
      return { client: formatSpan({ ...span, last: span.first }), what, connection: `${address} ${port}`, times: Number(times ?? 1) };
  }
  return undefined;
}

/** Connections with a failed sign-in that were not closed yet, as far as is known; the oldest are forgotten. */
const MOST_CONNECTIONS = 10_000;

/**
 * Whether this is a failed sign-in that no line before has told of. The end of a connection counts if nothing on it did: where sshd takes
 * keys alone, it is the only line.
 * @param open connections with a failed sign-in; changed here
 */
export function isNew({ what, connection }: Guess, open: Set<string>): boolean {
  const counted = open.has(connection);
  if (what === 'closed') open.delete(connection);
  else open.add(connection);
  const [oldest] = open;
  if (open.size > MOST_CONNECTIONS && oldest !== undefined) open.delete(oldest);
  return what === 'password' || !counted;
}

/** A line of /var/log/auth.log (RFC 3164, or with the moment in ISO 8601) -> what sshd has said. */
export function messageOf(line: string): string | undefined {
  const [, program = '', message] =
    /^(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\S+) \S+ ([\w-]+)(?:\[\d+\])?: (.*)$/.exec(line) ?? [];
  return SSHD.some((name) => name === program) ? message : undefined;
}

/** The line that CrowdSec is given: no name that was typed is in it, as some type their password there. */
export const lineOf = ({ client, what }: Pick<Guess, 'client' | 'what'>, now: Date): string =>
  JSON.stringify({ time: now.toISOString().replace(/\.\d+Z$/, '+00:00'), client, what: 'ssh', status: 401, method: 'SSH', path: what });
