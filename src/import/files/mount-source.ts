import { realpathSync, statSync } from 'node:fs';
import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { bindArgs, mountArgs } from '../../docker/mount-args.ts';
import type { Engine } from '../../docker/types.ts';
import { type EngineMount, type FileSource, mountOf } from '../plan/file-source.ts';

/** Where the source is on this host. @throws UserError USAGE where it is not there, or is the target itself */
export async function mountSource(
  context: Context,
  engine: Engine,
  docker: DockerCli,
  source: FileSource,
  targets: readonly string[],
): Promise<{ args: string[]; within: string }> {
  if (source.kind === 'container') {
    const { exitCode, stdout, tail } = await docker.run(
      ['inspect', '--type', 'container', '--format', '{{json .Mounts}}', source.container],
      { signal: context.signal },
    );
    if (exitCode !== 0)
      throw new UserError(
        'USAGE',
        `${source.container}: ${tail.at(-1) ?? 'no answer'}; nothing was changed`,
        '`docker ps --all` lists the names',
      );
    const found = mountOf(JSON.parse(stdout) as EngineMount[], source.path);
    if (!found)
      throw new UserError(
        'USAGE',
        `${source.path} of ${source.container} is in no volume; nothing was changed`,
        `copy it out first: docker cp ${source.container}:${source.path} ./files, and import that folder`,
      );
    const mounted = await mountSource(context, engine, docker, found.source, targets);
    return { ...mounted, within: found.within };
  }
  if (source.kind === 'volume') {
    // The engine would make one that is not there.
    if (!(await engine.volumes()).some(({ name }) => name === source.volume))
      throw new UserError('USAGE', `there is no volume ${source.volume}; nothing was changed`, '`docker volume ls` lists the names');
    if (targets.includes(source.volume))
      throw new UserError('USAGE', `${source.volume} is the target itself; nothing was changed`, 'name another source');
    return { args: mountArgs(['type=volume', `source=${source.volume}`, 'target=/source', 'readonly', 'volume-nocopy']), within: '' };
  }
  let folder: string;
  try {
    folder = realpathSync(source.path);
    if (!statSync(folder).isDirectory())
      throw new UserError('USAGE', `${source.path} is no folder; nothing was changed`, 'name the folder that it is in');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('USAGE', `${source.path} cannot be read (${systemCode(error)}); nothing was changed`, 'correct its path', {
      cause: error,
    });
  }
  return { args: bindArgs(folder, '/source', 'readonly'), within: '' };
}
