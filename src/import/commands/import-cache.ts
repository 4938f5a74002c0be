import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { listOf, numberOf } from '../../core/flags.ts';
import { bytes, plural } from '../../core/plural.ts';
import { confirmed, numbered, passwordOf } from './asked.ts';

export const importCacheCommand: Command = {
  name: 'import cache',
  summary:
    'The keys of a Redis from elsewhere: an RDB file, a container or a URL; written to the cache and compared. --dry-run rehearses it',
  example: 'medianest import cache container:old-redis-1 --dry-run',
  args: '<source>',
  options: [
    ['--database <number>', 'Only this database of the source; it becomes database 0'],
    ['--replace', 'Remove the keys that the cache has already; without it, it has to be empty'],
    ['--password-file <file>', 'The password of the source; otherwise REDISCLI_AUTH, or what its container was started with'],
    ['--ca-file <file>', 'With rediss://: the CA of its certificate, PEM'],
    ['--stop <containers>', 'Containers of the other project to stop before it is read, separated by commas; not the source itself'],
  ],
  measured: true,
  run: async (context, [given = ''], options) => {
    const { cacheSource } = await import('../plan/cache-source.ts');
    const parsed = cacheSource(given);
    const source = parsed.kind === 'file' ? { ...parsed, path: path.resolve(context.cwd, parsed.path) } : parsed;
    const only = numberOf('--database', options.database, { least: 0, should: 'a number, as SELECT takes it', example: 0 });
    const stop = listOf(options.stop) ?? [];
    if (source.kind === 'container' && stop.includes(source.container))
      throw new UserError(
        'USAGE',
        `--stop ${source.container}: it is the source, which has to answer`,
        'name the containers that write to it',
      );
    const tls = source.kind === 'url' && source.url.startsWith('rediss:');
    if (tls !== (options.caFile !== undefined))
      throw new UserError(
        'USAGE',
        tls ? 'a rediss:// server needs --ca-file' : '--ca-file is for rediss:// servers',
        'the CA that has signed its certificate; for one of the public CAs, /etc/ssl/certs/ca-certificates.crt',
      );
    const ca = tls ? await textOfFile(path.resolve(context.cwd, String(options.caFile))) : undefined;
    const asks = source.kind === 'url' || options.passwordFile !== undefined || context.env.REDISCLI_AUTH !== undefined;
    const password = asks
      ? await passwordOf(context, options, source.kind === 'url' ? source.password : undefined, 'REDISCLI_AUTH')
      : undefined;
    const { open } = await import('../../project/open.ts');
    const { importCache } = await import('../cache/import-cache.ts');
    const project = await open(context);
    const outcome = await importCache(context, project, {
      ...{ source, password, ca, only, stop, replace: options.replace === true },
      confirm: (steps, notes) =>
        confirmed(context, project.loaded.settings.project, [...notes, ...numbered(steps)], 'This fills the cache.', CONFIRM),
    });
    const { keys, bytes: size, server, seconds, outageSeconds } = outcome;
    const of = `${outcome.source}${server ? ` (${server})` : ''}`;
    if (outcome.result === 'planned') return done(outcome, [...outcome.notes, ...outcome.steps.map((step) => `would ${step}`)].join('\n'));
    return done(
      outcome,
      `Imported ${of}: ${plural(keys, 'key')} (${bytes(size)}), compared, in ${seconds.toFixed(1)} s; away for ${(outageSeconds ?? 0).toFixed(1)} s.`,
    );
  },
};

const CONFIRM = 'type the name of the project, or pass --yes; --dry-run rehearses it first';

async function textOfFile(file: string): Promise<string> {
  const { readFileSync } = await import('node:fs');
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError('USAGE', `--ca-file ${file} cannot be read (${systemCode(error)})`, 'correct its path', { cause: error });
  }
}
