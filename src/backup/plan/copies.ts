import type { Check } from '../../capability/check.ts';
import { keyVersionOf, labelPath } from '../../services/backup/settings/key-versions.ts';
import { type ArchivedSet, archivedSets, type BackupSet, byAge, type Catalogue, dumpSets } from './backup-sets.ts';
import { type Decision, type KeepPolicy, retention } from './retention.ts';

/** Raises an alert when a copy is behind, and clears it. */
export const COPIES_COMMAND = 'backup copies';

/** How far a copy elsewhere has got, by what its container says. */
export interface CopyState {
  name: string;
  /** Since when its container has run, and when WAL and sets were last all there; ISO 8601. */
  since: string | null;
  walSuccess: string | null;
  walError: string | null;
  setsSuccess: string | null;
  setsError: string | null;
  /** The newest segment of WAL that is there. */
  newestWal: string | null;
  /** All sets that it should hold are there. */
  complete: boolean;
  /** The database’s parts that are there (`labelPath`). */
  labels: string[];
  /** What it takes and what is free there, in bytes, when that was last measured (ISO 8601). Null where it is not known. */
  bytes: number | null;
  free: number | null;
  measured: string | null;
}

/** What `copies status` printed: `NAME FACT VALUE` a line. @param names those that are to be */
export function parseCopies(names: readonly string[], output: string): CopyState[] {
  const facts = new Map<string, string>();
  for (const line of output.split('\n')) {
    const [name, fact, ...value] = line.trim().split(' ');
    facts.set(`${name} ${fact}`, value.join(' '));
  }
  return names.map((name) => {
    const of = (fact: string) => facts.get(`${name} ${fact}`) ?? null;
    const numberOf = (fact: string) => (/^\d+$/.test(of(fact) ?? '') ? Number(of(fact)) : null);
    return {
      name,
      since: of('since'),
      walSuccess: of('wal-success'),
      walError: of('wal-error'),
      setsSuccess: of('sets-success'),
      setsError: of('sets-error'),
      newestWal: of('newest'),
      complete: of('complete') === 'yes',
      labels: (of('labels') ?? '').split(' ').filter(Boolean),
      bytes: numberOf('bytes'),
      free: numberOf('free'),
      measured: of('measured'),
    };
  });
}

/** What is lost with the host at most, by promise. */
const PROMISE_SECONDS = 3600;

/** What `health` says of copies. @param states undefined where their container does not answer */
export function copyChecks(states: readonly CopyState[] | undefined, periodSeconds: number, now: Date): Check[] {
  if (!states)
    return [
      {
        id: 'backup-copies',
        status: 'fail',
        message: 'the container that sends backups elsewhere does not run',
        remedy: 'medianest up; medianest logs backup-copies',
      },
    ];
  const remedy = 'medianest logs backup-copies; nothing is lost here, and it continues without help';
  return states.map(({ name, since, walSuccess, walError, setsSuccess, setsError, complete }): Check => {
    const id = `backup-copy-${name}`;
    const age = (time: string | null) => (time === null ? 0 : (now.getTime() - new Date(time).getTime()) / 1000);
    // One that has never succeeded is late since its container began.
    const wal = age(walSuccess ?? since);
    const sets = setsError === null ? 0 : age(setsSuccess ?? since);
    const error = walError ?? setsError;
    const late = Math.max(wal, sets);
    const says = `${walSuccess === null ? 'no WAL was ever sent' : `the last WAL was sent ${Math.round(wal)} s ago`}${error === null ? '' : `: ${error}`}`;
    if (late > PROMISE_SECONDS) return { id, status: 'fail', message: `the copy ${name} is more than an hour behind: ${says}`, remedy };
    if (error !== null || late > 3 * periodSeconds + 60)
      return { id, status: 'warn', message: `the copy ${name} is behind: ${says}`, remedy };
    return { id, status: 'ok', message: `the copy ${name}: ${says}${complete ? '' : '; sets are being sent'}` };
  });
}

/**
 * The catalogue, with what each copy should hold by its own rules: of the sets that are here, and those that it has.
 * @param states what each holds; undefined where that is not known, and then nothing is taken from it
 */
export function withCopies(
  { copies: before, ...catalogue }: Catalogue,
  policies: Readonly<Record<string, KeepPolicy>>,
  states: readonly CopyState[] | undefined,
): Catalogue {
  const names = Object.keys(policies);
  if (names.length === 0) return catalogue;
  const copies = names.map((name) => {
    const decisions = copyDecisions({ ...catalogue, ...(before && { copies: before }) }, name, policies[name] as KeepPolicy, states);
    const kept = new Set(decisions.flatMap(({ id, keep }) => (keep ? [id] : [])));
    return [name, candidates({ ...catalogue, ...(before && { copies: before }) }, name, states).filter(({ id }) => kept.has(id))] as const;
  });
  return { ...catalogue, copies: Object.fromEntries(copies) };
}

/** Which sets stay in a copy and why. */
export const copyDecisions = (
  catalogue: Catalogue,
  name: string,
  policy: KeepPolicy,
  states: readonly CopyState[] | undefined,
): Decision[] => retention(candidates(catalogue, name, states), policy);

/** Dumps are in no copy: nothing sends them. */
function candidates({ sets, copies }: Catalogue, name: string, states: readonly CopyState[] | undefined): ArchivedSet[] {
  const here = new Set(sets.map(({ id }) => id));
  const labels = states?.find((state) => state.name === name)?.labels;
  // One that went here before it was sent is nowhere any more.
  const there = (copies?.[name] ?? []).filter(
    ({ id, parts }) => !here.has(id) && (labels === undefined || labels.includes(labelPath(parts.db))),
  );
  return [...there, ...archivedSets(sets)].sort(byAge);
}

/** The instructions to the container of the copies: what should be there, and from which WAL on. */
export function wantText(sets: readonly ArchivedSet[]): string {
  const oldest = sets.map(({ parts }) => parts.db.walStart).sort((a, b) => (a.slice(8) < b.slice(8) ? -1 : 1))[0];
  const labels = new Set(sets.flatMap(({ parts: { db } }) => [...db.references, db.label].map((label) => labelPath({ ...db, label }))));
  return [
    ...(oldest ? [`oldest ${oldest}`] : []),
    ...[...labels].map((label) => `label ${label}`),
    ...sets.map(({ id }) => `set ${id}`),
    '',
  ].join('\n');
}

/**
 * What is here after everything in a copy was fetched.
 * @param snapshots of each set, restic’s id of it here: it has another one than in the copy; @param labels `GENERATION/LABEL` of the
 * database’s parts that are here
 */
export function fetched(
  known: Catalogue,
  name: string,
  snapshots: Readonly<Record<string, string>>,
  labels: readonly string[],
): BackupSet[] {
  // A copy has no dumps; those whose snapshots are here have stayed.
  const dumps = dumpSets(known.sets).filter(({ id }) => snapshots[id]);
  const sets = new Map([...(known.copies?.[name] ?? []), ...archivedSets(known.sets)].map((set) => [set.id, set]));
  const archived = [...sets.values()]
    .filter(({ id, parts }) => snapshots[id] && labels.includes(`${keyVersionOf(parts.db)}/${parts.db.label}`))
    .map((set) => ({ ...set, parts: { ...set.parts, files: { ...set.parts.files, snapshot: snapshots[set.id] as string } } }));
  return [...archived, ...dumps].sort(byAge);
}

/** A line about each copy, for `backup list`. */
export const copyLines = (states: readonly CopyState[]): string[] =>
  states.map(
    ({ name, walSuccess, walError, setsError, newestWal, complete, labels }) =>
      `Copy ${name}: ${labels.length} database backups${complete ? '' : ' (more are being sent)'}; WAL until ${newestWal ?? '-'}, last sent ${walSuccess ?? 'never'}${(walError ?? setsError) ? `; ${walError ?? setsError}` : ''}.`,
  );
