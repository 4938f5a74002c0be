import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { BACKUP_TYPES, type BackupType, listed } from '../plan/backup-sets.ts';
import { copyLines } from '../plan/copies.ts';
import { RETRY_OPTION, retryFor } from './retry-option.ts';

export const backup: Command = {
  name: 'backup',
  section: 'Data',
  summary: 'Back up the database, uploads, cache, settings and state, encrypted',
  example: 'medianest backup --type full',
  options: [['--type <type>', `${BACKUP_TYPES.join(', ')} (default: incr; a full one where there is none to build upon)`], RETRY_OPTION],
  measured: true,
  run: async (context, _args, options) => {
    const type = String(options.type ?? 'incr');
    if (!(BACKUP_TYPES as readonly string[]).includes(type))
      throw new UserError('USAGE', `--type ${type}: should be ${BACKUP_TYPES.join(', ')}`, 'medianest backup --type full');
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { backup: run } = await import('../backup.ts');
    const { bytes } = await import('../../core/plural.ts');
    const project = await open(context);
    if (context.flags.dryRun) {
      const { planBackup } = await import('../dry-run.ts');
      const plan = await planBackup(context, project, type as BackupType);
      const { id, sets, newest } = plan.repository;
      const held = `the repository ${id ?? 'has no identity yet'} holds ${sets} sets${newest ? `, the newest is ${newest}` : ''}`;
      return done(plan, [`would make a backup of type ${plan.makes}; ${held}:`, ...plan.steps.map((step) => `- ${step}`)].join('\n'));
    }
    const { set, warnings } = await alarmed(context, project, 'backup', () => run(context, project, type as BackupType), {
      wrong: ({ set }) => set.problems?.[0],
      retryFor: retryFor(options),
    });
    for (const warning of warnings) context.report.warn(warning);
    const { watchCopies } = await import('../copies/copies.ts');
    // A copy that is behind is reported; the backup is good all the same.
    for (const { status, message } of await watchCopies(context, project)) if (status === 'fail') context.report.warn(message);
    const text = `${set.id} is stored after ${set.seconds.toFixed(1)} s: ${bytes(set.sizeBytes)}, of which ${bytes(set.storedBytes)} are new.`;
    return done({ ...listed(set), warnings }, text);
  },
};

export const backupList: Command = {
  name: 'backup list',
  summary: 'The sets that are there, and the time that a restore can reach',
  example: 'medianest backup list',
  run: async (context) => {
    const { open, requireManifest } = await import('../../project/open.ts');
    const { backupContext, knownSets, readArchive } = await import('../repository/repository.ts');
    const { bytes } = await import('../../core/plural.ts');
    const { table } = await import('../../ui/table.ts');
    const { readCopies } = await import('../copies/copies.ts');
    const project = await open(context);
    requireManifest(project.state);
    const backups = await backupContext(context, project);
    const sets = (await knownSets(backups))?.sets ?? [];
    const { reachableFrom, unexpectedGaps } = await import('../plan/set-archive.ts');
    const { keepsDumps } = await import('../plan/holds.ts');
    const all = await readArchive(backups, sets).then(
      (archive) => archive.gaps,
      () => undefined,
    );
    const copies = await readCopies(backups.bench.docker, backups.bench.project, backups.settings);
    const gaps = all && unexpectedGaps(all, sets);
    const from = reachableFrom(all, sets) ?? null;
    const rows = sets.map((set) => {
      const row = listed(set);
      return [row.id, row.type, bytes(row.sizeBytes), bytes(row.storedBytes), row.status, row.drilledAt ?? '-'];
    });
    const lines = [
      rows.length > 0
        ? table([['SET', 'TYPE', 'SIZE', 'STORED', 'STATUS', 'DRILLED'], ...rows])
        : 'There is no backup yet: medianest backup --type full',
      ...(keepsDumps(backups.stack)
        ? [`A restore brings one of these back: ${backups.loaded.profile} keeps dumps, and no WAL between them.`]
        : []),
      ...(from ? [`Any time from ${from} on can be restored, up to about ${backups.settings.archiveSeconds} s ago.`] : []),
      ...(gaps === undefined ? ['Whether WAL is missing is not known: the archive cannot be read.'] : []),
      ...(gaps ?? []).map(
        ({ after, before, missing }) => `WAL is missing: ${missing} segments between ${after} and ${before}. Make a new full backup.`,
      ),
      ...(copies ? copyLines(copies) : ['How far the copies are is not known: backup-copies does not run.']),
    ];
    return done({ backups: sets.map(listed), window: { from, gaps: gaps ?? null }, copies: copies ?? null }, lines.join('\n'));
  },
};

export const backupVerify: Command = {
  name: 'backup verify',
  summary: 'Read everything in the repository, and record for each set whether it is good',
  example: 'medianest backup verify',
  args: '[backup]',
  options: [RETRY_OPTION],
  measured: true,
  run: async (context, [id], options) => {
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { verify } = await import('../verify.ts');
    const project = await open(context);
    const outcome = await alarmed(context, project, 'backup verify', () => verify(context, project, id), {
      wrong: ({ sets, gaps, copies, problems: all }) =>
        sets.find(({ problems }) => problems.length > 0)?.problems[0] ??
        all[0] ??
        copies.find(({ problems }) => problems.length > 0)?.problems[0] ??
        (gaps[0] && `WAL is missing after ${gaps[0].after}`),
      retryFor: retryFor(options),
    });
    const lines = [
      ...outcome.sets.map(({ id: set, problems }) => `${set}: ${problems.length === 0 ? 'good' : problems.join('; ')}`),
      ...outcome.gaps.map(({ after, before, missing }) => `WAL is missing: ${missing} segments between ${after} and ${before}`),
    ];
    lines.push(...outcome.problems.filter((problem) => !outcome.sets.some(({ problems }) => problems.includes(problem))));
    for (const { name, problems } of outcome.copies) lines.push(`copy ${name}: ${problems.length === 0 ? 'good' : problems.join('; ')}`);
    const good = [outcome, ...outcome.sets, ...outcome.copies].every(({ problems }) => problems.length === 0) && outcome.gaps.length === 0;
    return done({ status: good ? 'ok' : 'fail', ...outcome }, lines.join('\n'), good ? EXIT.done : EXIT.unhealthy);
  },
};

export const backupPrune: Command = {
  name: 'backup prune',
  summary: 'Remove the sets that no rule keeps; --dry-run says why each stays or goes',
  example: 'medianest backup prune --dry-run',
  options: [RETRY_OPTION],
  measured: true,
  run: async (context, _args, options) => {
    const { open } = await import('../../project/open.ts');
    const { alarmed } = await import('../alert.ts');
    const { prune } = await import('../prune.ts');
    const { table } = await import('../../ui/table.ts');
    const project = await open(context);
    const outcome = await alarmed(context, project, 'backup prune', () => prune(context, project), { retryFor: retryFor(options) });
    const row = ({ id, keep, reasons }: (typeof outcome.sets)[number]) => [id, keep ? 'stays' : 'goes', reasons.join('; ')];
    const rows = outcome.sets.map(row);
    const tables = [
      rows.length > 0 ? table([['SET', '', 'WHY'], ...rows]) : 'There is no backup yet.',
      ...Object.entries(outcome.copies).map(([name, sets]) => table([[`COPY ${name}`, '', 'WHY'], ...sets.map(row)])),
    ];
    return done(outcome, tables.join('\n\n'));
  },
};
