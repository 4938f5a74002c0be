import path from 'node:path';
import { type Command, type Context, done, type Result } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { listOf, textOf } from '../../core/flags.ts';
import { bytes } from '../../core/plural.ts';
import { confirmed, numbered, passwordOf } from './asked.ts';

export const importDatabaseCommand: Command = {
  name: 'import database',
  summary: 'A database from elsewhere: a dump, a container or a URL; loaded beside the running one, compared, and switched to',
  example: 'medianest import database container:old-db-1 --into rehearsal',
  args: '[source]',
  options: [
    ['--into <database>', 'Rehearse: load and compare, and switch nothing; says how long it takes'],
    ['--database <name>', 'With container: which database of it, where it has several'],
    ['--user <name>', 'With container or URL: as this user'],
    ['--password-file <file>', 'With a URL: its password; otherwise PGPASSWORD, or it is asked for'],
    ['--encoding <name>', 'What its text is in, where the source does not know (SQL_ASCII): UTF8, LATIN1, WIN1252, ...'],
    ['--stop <containers>', 'Containers of the other project to stop before its database is read, separated by commas'],
    ['--back', 'Back to the database that the last import has replaced'],
    ['--remove', 'Remove the databases that imports have replaced'],
  ],
  measured: true,
  run: async (context, [given], options) => {
    const { open } = await import('../../project/open.ts');
    const project = await open(context);
    const name = project.loaded.settings.project;
    if (options.back === true || options.remove === true) {
      if (given !== undefined || (options.back === true && options.remove === true))
        throw new UserError('USAGE', '--back and --remove take neither a source nor each other', 'medianest import database --back');
      return options.back === true ? back(context, project, name) : remove(context, project, name);
    }
    if (given === undefined)
      throw new UserError(
        'USAGE',
        'SOURCE is missing: a dump, container:NAME or postgresql://...',
        'medianest import database shop.dump --into rehearsal',
      );
    const { databaseSource } = await import('../plan/source.ts');
    const { rehearsalName } = await import('../plan/names.ts');
    const { importDatabase } = await import('../database/import-database.ts');
    const parsed = databaseSource(given);
    const source = parsed.kind === 'file' ? { ...parsed, path: path.resolve(context.cwd, parsed.path) } : parsed;
    const into = options.into === undefined ? undefined : rehearsalName(String(options.into));
    const stop = listOf(options.stop) ?? [];
    if (into !== undefined && stop.length > 0)
      throw new UserError(
        'USAGE',
        '--into rehearses, and stops nothing: not with --stop',
        'medianest import database SOURCE --into rehearsal',
      );
    const encoding = textOf(options.encoding);
    if (encoding !== undefined && !/^[A-Za-z0-9_]{2,20}$/.test(encoding))
      throw new UserError(
        'USAGE',
        `--encoding ${encoding}: should be a name of PostgreSQL’s, such as LATIN1`,
        'see `SHOW client_encoding` of the source',
      );
    const outcome = await importDatabase(context, project, {
      source,
      into,
      user: textOf(options.user),
      database: textOf(options.database),
      password: source.kind === 'url' ? await passwordOf(context, options, source.password, 'PGPASSWORD') : undefined,
      encoding,
      stop,
      confirm: (steps, notes) => confirmed(context, name, [...notes, ...numbered(steps)], 'This replaces the database.'),
    });
    if (outcome.result === 'planned') return done(outcome, [...outcome.notes, ...outcome.steps.map((step) => `would ${step}`)].join('\n'));
    return done(outcome, told(outcome));
  },
};

type Outcome = Awaited<ReturnType<typeof import('../database/import-database.ts')['importDatabase']>>;

function told({ result, source, version, tables, rows, sequences, seconds, outageSeconds, kept, database }: Outcome): string {
  const of = version === null ? '' : ` (PostgreSQL ${version})`;
  const what = `${Object.keys(tables).length} tables, ${rows} rows, ${sequences} sequences`;
  return [
    result === 'imported'
      ? `Imported ${source}${of}: ${what}, in ${seconds.toFixed(1)} s; away for ${(outageSeconds ?? 0).toFixed(1)} s.`
      : `Rehearsed ${source}${of} into ${database}: ${what}, in ${seconds.toFixed(1)} s. Nothing was switched.`,
    ...(kept
      ? [
          `The database before is kept as ${kept}. Back to it: medianest import database --back`,
          'Remove it: medianest import database --remove',
        ]
      : []),
  ].join('\n');
}

type Project = Awaited<ReturnType<typeof import('../../project/open.ts')['open']>>;

async function back(context: Context, project: Project, name: string): Promise<Result> {
  const { goBack } = await import('../database/kept.ts');
  const outcome = await goBack(context, project, (steps) => confirmed(context, name, numbered(steps), 'This replaces the database.'));
  if (outcome.result === 'planned') return done(outcome, outcome.steps.map((step) => `would ${step}`).join('\n'));
  return done(
    outcome,
    `${outcome.restored} is the database again, away for ${(outcome.outageSeconds ?? 0).toFixed(1)} s; what was imported is kept as ${outcome.kept}.`,
  );
}

async function remove(context: Context, project: Project, name: string): Promise<Result> {
  const { removeKept } = await import('../database/kept.ts');
  const outcome = await removeKept(context, project, (names) =>
    confirmed(context, name, [`To be removed: ${names.join(', ')}`], 'They are gone for good.'),
  );
  const list = outcome.databases.map((database) => `${database.name} (${bytes(database.bytes)})`).join(', ');
  const text = {
    planned: `would remove ${list || 'nothing'}`,
    removed: `removed ${list}`,
    unchanged: 'nothing to do: no replaced database is there',
  };
  return done(outcome, text[outcome.result]);
}
