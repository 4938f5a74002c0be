import type { Check } from '../../capability/check.ts';
import { BASTION_ROLES, type BastionRole } from '../../services/bastion/names.ts';
import type { BastionSession } from './events.ts';
import { type BastionPerson, isPast } from './people.ts';

/** What the container says of itself (`bastion state`). */
export interface BastionState {
  /** Why the people could not be read again; '' where they could. */
  problem: string;
  /** Those whose second factor cannot be read: they cannot sign in. */
  missing: string[];
  /** Used codes can be noted. */
  writable: boolean;
  /** Sessions: process and name. */
  live: { pid: number; name: string }[];
}

/** Role -> what it may forward to, as `database:5432`. */
export type Forwards = Readonly<Partial<Record<BastionRole, readonly string[]>>>;

/** Of sshd's configuration as it was rendered last: what each role may forward to. */
export function forwardsIn(config: string): Forwards {
  const blocks = config.split(/^Match Group bastion-/m).slice(1);
  const entries = blocks.flatMap((block) => {
    const [role = '', ...lines] = block.split('\n');
    const known = BASTION_ROLES.find((each) => each === role.trim());
    const [, targets = ''] = lines.map((line) => /^\s+PermitOpen (.+)$/.exec(line) ?? []).find(([line]) => line !== undefined) ?? [];
    return known ? [[known, targets.split(' ')] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** `bastion list`, and `--json` of it: no secret. */
export const personView = (person: BastionPerson, now: Date) => ({
  name: person.name,
  role: person.role,
  keys: person.keys.map(({ fingerprint }) => fingerprint),
  added: person.added,
  until: person.until ?? null,
  past: isPast(person, now),
});

export const personRows = (people: readonly BastionPerson[], now: Date): string[][] => [
  ['NAME', 'ROLE', 'UNTIL', 'KEY'],
  ...people.map((person) => [
    person.name,
    person.role,
    person.until === undefined ? '-' : `${person.until}${isPast(person, now) ? ' (past)' : ''}`,
    person.keys.map(({ fingerprint }) => fingerprint).join(' '),
  ]),
];

/** Sessions whose processes run. One whose beginning the journal no longer has is shown by its name alone. */
export function liveSessions(open: readonly BastionSession[], live: BastionState['live']) {
  return live.map(({ pid, name }) => {
    const session = open.find((each) => each.child === pid && each.name === name);
    return { name, from: session?.from ?? null, since: session?.since ?? null, key: session?.key ?? null, targets: session?.targets ?? [] };
  });
}

/** Where people connect to, and who they are. */
export interface Way {
  host: string;
  port: number;
  name: string;
}

/** The ssh command for a target: the same port on the person's own machine leads there. */
export const sshCommand = (target: string, { host, port, name }: Way): string =>
  `ssh -N -p ${port} -L 127.0.0.1:${localPort(target)}:${target} ${name}@${host}`;

/** Ports below 1024 are root's. */
export function localPort(target: string): number {
  const port = Number(target.slice(target.lastIndexOf(':') + 1));
  return port < 1024 ? port + 10_000 : port;
}

/** What `health` says. @param served the host key that answers at the published address, or why none does */
export function bastionChecks(
  people: readonly BastionPerson[],
  state: BastionState | string,
  served: { expected: string; found?: string; failed?: string },
  now: Date,
): Check[] {
  return [portCheck(people, served), ...factorChecks(state), ...pastChecks(people, now)];
}

function portCheck(
  people: readonly BastionPerson[],
  { expected, found, failed }: { expected: string; found?: string; failed?: string },
): Check {
  const id = 'bastion';
  if (failed !== undefined)
    return { id, status: 'fail', message: `bastion: its port does not answer: ${failed}`, remedy: 'medianest logs bastion; medianest up' };
  if (found !== expected)
    return {
      id,
      status: 'fail',
      message: `bastion: another SSH server answers at its port, with the host key ${found}`,
      remedy: 'ss -ltnp shows what listens there; choose another bastion.port, or stop that',
    };
  return { id, status: 'ok', message: `bastion: its port answers with its host key; ${people.length} may come in` };
}

function factorChecks(state: BastionState | string): Check[] {
  const id = 'bastion.factors';
  const fail = (message: string, remedy: string): Check => ({ id, status: 'fail', message: `bastion: ${message}`, remedy });
  if (typeof state === 'string') return [fail(`it cannot say whether codes work: ${state}`, 'medianest logs bastion')];
  if (state.problem !== '') return [fail(state.problem, 'restore secrets.json of the state folder, then medianest up')];
  if (!state.writable)
    return [fail('used codes cannot be noted, so all sign-ins are refused', 'free space on the disk of the engine’s volumes')];
  if (state.missing.length === 0) return [];
  const who = state.missing.join(', ');
  return [
    fail(
      `no second factor could be written for ${who}, who cannot sign in`,
      'free space on the disk of the engine’s volumes, then medianest up',
    ),
  ];
}

const pastChecks = (people: readonly BastionPerson[], now: Date): Check[] => {
  const past = people.filter((person) => isPast(person, now)).map(({ name }) => name);
  if (past.length === 0) return [];
  return [
    {
      id: 'bastion.past',
      status: 'warn',
      message: `bastion: the time of ${past.join(', ')} is over; sign-ins are refused`,
      remedy: `medianest bastion remove ${past[0]}`,
    },
  ];
};
