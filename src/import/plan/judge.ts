import { UserError } from '../../core/errors.ts';
import { bytes } from '../../host/plan/finding.ts';
import type { DumpFacts } from './dump-filter.ts';

/** What is known of a source before anything is created. */
export interface Survey {
  /** Version of the server that it comes from: `15.3`. */
  version: string | undefined;
  encoding: string | undefined;
  extensions: string[];
  /** What it is going to take on a disk of the database, in bytes, roughly. */
  bytes: number;
  /** Of a file, which is read to its end first. */
  dump: DumpFacts | undefined;
  /** What is not imported. */
  leftOut: string[];
}

/** What our server has. */
export interface Here {
  /** `17`. */
  major: number;
  /** Those that it could have, and whether the owner of a database may create them. */
  extensions: Readonly<Record<string, boolean>>;
  /** By container, free bytes on the disk of its data. */
  free: Readonly<Record<string, number>>;
}

/** WAL of the import that is not recycled yet (`max_wal_size`), and a reserve. */
const BESIDE = 1.2 * 1024 ** 3;
/** Rows take more in a table than in a dump, and indexes come on top. */
const GROWTH = 1.5;

/** Oldest source whose dumps are proven. */
const OLDEST = 13;

/** Refuses what cannot end well, before anything is created. @returns what the person is told @throws UserError IMPORT_REFUSED */
export function judge(survey: Survey, here: Here, given: { encoding: string | undefined }): string[] {
  const { dump } = survey;
  if (dump?.refused.length)
    throw refused(
      `the dump contains what the application’s role may not do: ${dump.refused.slice(0, 5).join(', ')}`,
      'make a dump without it, for example with pg_dump --format=custom and pg_restore --use-list',
    );
  if (dump && dump.databases > 1)
    throw refused(
      'the dump holds several databases (pg_dumpall)',
      'dump the one that is to be imported: pg_dump --format=custom --file=shop.dump NAME',
    );
  if (dump?.complete === false) throw refused('the dump ends in the middle', 'make it again, or copy it again: its end is missing');
  if (dump && Object.keys(dump.tables).length === 0 && !dump.inserts)
    throw refused('the dump has no data of any table', 'is it a dump of PostgreSQL, and of more than its schema?');
  const missing = survey.extensions.filter((name) => !(name in here.extensions));
  if (missing.length > 0)
    throw refused(
      `extensions that PostgreSQL ${here.major} here does not have: ${missing.join(', ')}`,
      'drop them in a copy of the old database (DROP EXTENSION), if the application can do without, and dump that',
    );
  const need = Math.round(survey.bytes * (dump ? GROWTH : 1) + BESIDE);
  for (const [container, free] of Object.entries(here.free))
    if (free < need)
      throw refused(
        `about ${bytes(need)} are needed for the data of ${container}, and ${bytes(free)} are free there`,
        'free some space, or remove databases that earlier imports have replaced: medianest import database --remove',
      );
  if (/^SQL_ASCII$/i.test(survey.encoding ?? '') && given.encoding === undefined)
    throw refused(
      'the source does not know the encoding of its own text (SQL_ASCII)',
      'say it: --encoding UTF8, or what its application writes, such as LATIN1 or WIN1252',
    );
  return notes(survey, here.major);
}

function notes({ version, encoding, leftOut }: Survey, here: number): string[] {
  const major = version === undefined ? undefined : Number.parseInt(version, 10);
  return [
    ...(major !== undefined && major > here
      ? [`the source is PostgreSQL ${major}, newer than ${here} here: what only ${major} knows makes the import fail`]
      : []),
    ...(major !== undefined && major < OLDEST ? [`the source is PostgreSQL ${version}; versions ${OLDEST} to ${here} are tested`] : []),
    ...(encoding !== undefined && !/^(UTF-?8|UNICODE)$/i.test(encoding) ? [`text is converted from ${encoding} to UTF8`] : []),
    ...(leftOut.length > 0 ? [`not imported: ${leftOut.join(', ')}`] : []),
  ];
}

const refused = (why: string, hint: string): UserError => new UserError('IMPORT_REFUSED', `${why}; nothing was changed`, hint);
