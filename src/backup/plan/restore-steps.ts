import type { Step, StepName } from '../../capability/capability.ts';
import { namesOf } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import type { BackupSet } from './backup-sets.ts';
import { cacheNodes, databaseMembers, keepsDumps } from './holds.ts';
import type { Part } from './restore-part.ts';
import type { RestoreTarget } from './restore-target.ts';

/** What a restore in place does. What each step knows besides its data is in the journal (restore/journal.ts). */
export interface RestoreSteps {
  /** Where that fails, the restore goes on: the old database is put aside anyway. */
  'take-safety-set': object;
  /** The member with everything that was acknowledged: the database is restored into its volume. */
  'choose-member': object;
  /** Beside the database that runs, which is not touched. Without a target: the one that an earlier restore has put aside. */
  'restore-database': { target: RestoreTarget | undefined };
  /** From here on the journal says that data may have been replaced. */
  'begin-replacing': object;
  /** What the replacement itself needs, also if the whole stack is down. */
  'start-base': { services: string[] };
  'stop-writers': { services: string[] };
  /** `back`: the old database into its place again. */
  'swap-database': { back: boolean };
  /** etcd forgets the leader and the history of the database that was. No member may run. */
  'forget-cluster': object;
  'restore-files': { set: BackupSet; back: boolean };
  'restore-cache': { set: BackupSet; back: boolean };
  /** The member that has the data starts alone: no member without data may lead. */
  'start-database': { member: string };
  /** From here on writes are accepted: a restore that is resumed replaces nothing again. */
  'end-replacing': object;
  'tell-repository': object;
  'restore-settings': { set: BackupSet };
  'await-members': object;
  /** The journal says that the restore has ended, and what can be undone. */
  'end-restore': object;
  /** On a timeline of its own the database needs one. If it fails, everything is restored all the same. */
  'take-full-set': object;
}

declare module '../../capability/capability.ts' {
  interface StepKinds extends RestoreSteps {}
}

const WAIT_SECONDS = 300;

/** As the journal has it, as far as the order depends on it. */
export interface Replacement {
  parts: readonly Part[];
  member: string;
  /** What may be changed already. */
  touched: readonly Part[];
  replaced?: boolean;
}

const isData = (parts: readonly Part[]): boolean => parts.some((part) => part !== 'settings');

/** What uses the data that is replaced, and so is stopped. */
const writersOf = (stack: Stack, parts: readonly Part[]): string[] => [
  ...namesOf(stack.services, 'application'),
  // It migrates its tables at its start alone: a set may have those of an older version, or none.
  ...(parts.includes('db') ? namesOf(stack.services, 'identity') : []),
  ...(parts.includes('db') ? databaseMembers(stack) : []).map(({ name }) => name),
  ...(parts.includes('redis') ? cacheNodes(stack) : []).map(({ name }) => name),
];

/**
 * All that can fail comes before anything is stopped. @param target undefined: back to what an earlier restore has put aside
 * @param safety whether there is anything to come back to
 */
export const prepareSteps = (parts: readonly Part[], target: RestoreTarget | undefined, safety: boolean): Step[] => [
  ...(safety ? [{ kind: 'take-safety-set' as const, cause: '`restore --undo` comes back to it' }] : []),
  ...(target ? [{ kind: 'choose-member' as const, cause: 'it alone has everything that was acknowledged' }] : []),
  ...(parts.includes('db') ? [{ kind: 'restore-database' as const, target, cause: 'the set has it' }] : []),
];

/** Replaces the data, and starts everything again. The same steps resume a restore that was killed, from where writes are accepted. */
export function replaceSteps(stack: Stack, { parts, member, replaced }: Replacement, set: BackupSet): Step[] {
  if (!isData(parts)) return [];
  const replacing: Step[] = [
    { kind: 'begin-replacing', cause: 'a killed restore is resumed or rolled back' },
    ...stopSteps(stack, parts),
    ...(parts.includes('db') ? swapSteps(stack, false) : []),
    ...(parts.includes('files') ? [{ kind: 'restore-files' as const, set, back: false, cause: 'the set has them' }] : []),
    ...(parts.includes('redis') ? [{ kind: 'restore-cache' as const, set, back: false, cause: 'the set has it' }] : []),
    ...startDatabase(parts, member),
    { kind: 'end-replacing', cause: 'what is written from here on stays' },
  ];
  return [
    ...(replaced ? [] : replacing),
    startRest,
    // A database that was founded again meanwhile has another identity than the restored one. Not before every member runs: the
    // repository would wait for those that do not answer, and take no WAL until then.
    ...(parts.includes('db') && !keepsDumps(stack)
      ? [{ kind: 'tell-repository' as const, cause: 'the restored database may have another identity' }]
      : []),
  ];
}

/** Undoes what a replacement has touched, and starts what was before. @param safety undefined: files stay as they are */
export function rollbackSteps(stack: Stack, { parts, member, touched }: Replacement, safety: BackupSet | undefined): Step[] {
  const cause = 'the restore is rolled back';
  return [
    ...stopSteps(stack, parts),
    ...(touched.includes('db') ? swapSteps(stack, true) : []),
    ...(touched.includes('files') && safety ? [{ kind: 'restore-files' as const, set: safety, back: true, cause }] : []),
    ...(touched.includes('redis') && safety ? [{ kind: 'restore-cache' as const, set: safety, back: true, cause }] : []),
    ...startDatabase(touched, member),
    startRest,
  ];
}

/** Once the data is in its place. */
export const finishSteps = (parts: readonly Part[], set: BackupSet): Step[] => [
  ...(parts.includes('settings') ? [{ kind: 'restore-settings' as const, set, cause: 'the set has them' }] : []),
  ...(isData(parts) ? [{ kind: 'await-members' as const, cause: 'a restore ends once everything is healthy' }] : []),
  { kind: 'end-restore', cause: 'it can be undone from here on' },
];

/** After the restore, which a failure here does not undo. A dump belongs to no timeline, so dev-compose needs no new full set. */
export const afterSteps = (stack: Stack, parts: readonly Part[]): Step[] =>
  parts.includes('db') && !keepsDumps(stack) ? [{ kind: 'take-full-set', cause: 'the database has a timeline of its own' }] : [];

const stopSteps = (stack: Stack, parts: readonly Part[]): Step[] => [
  {
    kind: 'start-base',
    services: stack.services.flatMap(({ name, role }) => (role === 'coordination' || role === 'repository' ? [name] : [])),
    cause: 'the replacement needs them',
  },
  { kind: 'stop-writers', services: writersOf(stack, parts), cause: 'they use the data that is replaced' },
];

const swapSteps = (stack: Stack, back: boolean): Step[] => [
  { kind: 'swap-database', back, cause: back ? 'the restore is rolled back' : 'it is restored beside the old one' },
  ...(keepsDumps(stack) ? [] : [{ kind: 'forget-cluster' as const, cause: 'etcd knows the leader and the history of the other database' }]),
];

const startDatabase = (parts: readonly Part[], member: string): Step[] =>
  parts.includes('db') ? [{ kind: 'start-database', member, cause: 'the others copy its data' }] : [];

const startRest: Step = {
  kind: 'compose-up',
  services: [],
  forced: [],
  alone: false,
  waitSeconds: WAIT_SECONDS,
  cause: 'it was stopped for the restore',
};

const NAMES = { db: 'the database', files: 'the uploads', redis: 'the cache', settings: 'medianest.yml and its profiles' } as const;

/** What a person is told before a restore: the same steps, those that belong together in one line. @param says when it goes back to */
export function headlines(steps: readonly Step[], parts: readonly Part[], says: string): string[] {
  const replace = `replace ${parts.map((part) => NAMES[part]).join(', ')}`;
  const lines: Partial<{ [K in StepName]: (step: Step<K>) => string }> = {
    'take-safety-set': () => 'back up what there is now, for `restore --undo`',
    'restore-database': ({ target }) =>
      target ? `restore the database as of ${says} beside the one that runs` : 'make the database that was put aside ready',
    'stop-writers': ({ services }) => `stop ${services.join(', ')}: the portal is away from here on`,
    'swap-database': () => replace,
    'restore-files': () => replace,
    'restore-cache': () => replace,
    'compose-up': () => 'start everything, and wait until it is healthy',
    'restore-settings': () => (isData(parts) ? replace : `write ${NAMES.settings}`),
    'take-full-set': () => 'make a new full backup',
  };
  return [...new Set(steps.flatMap((step) => lines[step.kind]?.(step as never) ?? []))];
}
