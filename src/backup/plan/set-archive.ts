import { databaseFolder, databaseKey, keyVersionOf } from '../../services/backup/settings/key-versions.ts';
import { type ArchivedSet, archivedSets, type BackupSet, byAge, isGood } from './backup-sets.ts';
import type { WalGap } from './pgbackrest.ts';

/** Where in an archive of a set things are: it is a small repository of its own, and what tells how to use it. */
const PLACES = /^(SHA256SUMS|RESTORE\.txt|repository\.id|files\/.+|pgbackrest(-[0-9]+)?\/(archive|backup)\/.+)$/;

/** Why a file of this name is not taken out of an archive; undefined where it may be. */
export function nameProblem(name: string): string | undefined {
  const hostile = name.split('/').some((part) => part === '' || part === '.' || part === '..');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for
  if (hostile || /[\x00-\x1f\x7f\\]/.test(name)) return 'has a name that could lead elsewhere';
  return PLACES.test(name) ? undefined : 'does not belong into it';
}

/** What of the database’s part of a repository a set consists of. */
export interface DatabaseShare {
  /** pgBackRest’s labels, those that others are made from first. */
  labels: string[];
  /** Where its WAL is: `17-1`, the database’s version and which of those that were here it was. */
  archive: string;
}

interface Info {
  archive?: { id: string; database: { id: number } }[];
  backup?: { label: string; prior: string | null; reference: string[] | null; database: { id: number } }[];
}

/** @param json of `pgbackrest info --output=json` @returns undefined where it does not have that label, or not all that it is made from */
export function databaseShare(json: string, label: string): DatabaseShare | undefined {
  const [stanza] = JSON.parse(json) as Info[];
  const known = new Map((stanza?.backup ?? []).map((entry) => [entry.label, entry]));
  const labels = new Set<string>();
  const add = (name: string): boolean => {
    const entry = known.get(name);
    if (!entry) return false;
    if (labels.has(name)) return true;
    labels.add(name);
    return [...(entry.reference ?? []), ...(entry.prior ? [entry.prior] : [])].every(add);
  };
  const archive = stanza?.archive?.find(({ database }) => database.id === known.get(label)?.database.id)?.id;
  // Those that others are made from are older, and a label begins with its time.
  const age = (name: string) => name.split('_').at(-1) ?? name;
  return add(label) && archive ? { labels: [...labels].sort((a, b) => (age(a) < age(b) ? -1 : 1)), archive } : undefined;
}

/** How to use an archive, for a person who finds it in a drawer. */
export function recipe(set: ArchivedSet, about: { file: string; repository: string; madeAt: string; wal: string }): string {
  const { file } = about;
  const { label, consistentAt } = set.parts.db;
  const generation = keyVersionOf(set.parts.db);
  return `Backup ${set.id} of the MediaNest installation "${set.project}", exported ${about.madeAt}.

It contains the database as it was ${consistentAt}, uploads, cache, settings and state; WAL: ${about.wal}.
It was made by medianest ${set.version}, and is of the repository ${about.repository}. Everything in it but this page is encrypted (AES-256).
To read it you need the recovery kit of that installation (medianest backup kit), made after the last rotation of its backup
keys before this export, and the kit's passphrase.

Is it whole?            sha256sum -c ${file}.sha256

Into the installation that it is of, where it is listed and restored as any other set:
  1. medianest backup import ${file}
  2. medianest restore ${set.id}

On a bare host with Docker and medianest, in an empty folder:
  1. medianest restore --kit KIT --archive ${file}
  2. medianest health

Without medianest (pgBackRest 2.55 or newer, restic 0.18 or newer, PostgreSQL 17), as the user postgres. The kit's own
page says how to open it; its secrets.json contains ${databaseKey(generation)} and backup-files-key. Set and export the variables
PGBACKREST_REPO1_CIPHER_TYPE=aes-256-cbc, PGBACKREST_REPO1_CIPHER_PASS (the first key), RESTIC_PASSWORD (the second) and PGDATA (an empty folder):
  1. mkdir set && tar -xf ${file} -C set && cd set && sha256sum -c SHA256SUMS
  2. restic -r files restore latest --tag set --target ../files
  3. pgbackrest --no-config --stanza=medianest --repo1-path="$PWD/${databaseFolder(generation)}" --pg1-path="$PGDATA" --set=${label} --archive-mode=off restore
  4. echo 'local all all peer' >hba && postgres -c ssl=off -c listen_addresses= -c unix_socket_directories=/tmp -c hba_file="$PWD/hba"
It follows the WAL, and is a database of its own then.
`;
}

/** Sets with one that was imported among them. One that is known already stays as it is, unless it was damaged. */
export function withImported(sets: readonly BackupSet[], imported: BackupSet, importedAt: string): BackupSet[] {
  const known = sets.find(({ id }) => id === imported.id);
  if (known && isGood(known)) return [...sets];
  const { verifiedAt: _, problems: __, drilledAt: ___, drill: ____, ...set } = imported;
  const others = sets.filter(({ id }) => id !== imported.id);
  return [...others, { ...set, importedAt }].sort(byAge);
}

/** After an imported set there may be no WAL: only WAL that is missing unexpectedly is reported. */
export const unexpectedGaps = (gaps: readonly WalGap[], sets: readonly BackupSet[]): WalGap[] =>
  gaps.filter(({ after, generation }) =>
    archivedSets(sets).some(
      ({ importedAt, parts: { db } }) =>
        db.generation === generation && db.walStart.slice(8) <= after.slice(8) && !(importedAt && db.walStop.slice(8) <= after.slice(8)),
    ),
  );

/** From when on any moment can be restored; undefined where there is no good set. @param gaps undefined where the archive cannot be read */
export const reachableFrom = (gaps: readonly WalGap[] | undefined, sets: readonly BackupSet[]): string | undefined =>
  (gaps ? archivedSets(sets) : []).find(
    (set) =>
      isGood(set) &&
      !(
        set.importedAt &&
        unexpectedGaps(gaps ?? [], [{ ...set, importedAt: '' }]).some(({ after }) => after.slice(8) >= set.parts.db.walStop.slice(8))
      ),
  )?.parts.db.consistentAt;
