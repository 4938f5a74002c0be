import type { Context, Project } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { createVolume } from '../../docker/volume.ts';
import { buildImages } from '../../images/build-images.ts';
import { prepare } from '../../reconcile/prepare.ts';
import { refuseForeignStackVolumes } from '../../reconcile/refuse-foreign.ts';
import { placeSecrets } from '../../secrets/store/secret-files.ts';
import { LABEL } from '../../stack/labels.ts';
import type { ImageSpec } from '../../stack/types.ts';
import { repositoryHost } from '../plan/holds.ts';
import { mustRun } from '../repository/job.ts';
import { backupContext } from '../repository/repository.ts';
import { type CheckedArchive, importSet } from './import.ts';

/** An image, and those that it is built upon. */
const imagesOf = ({ name, build }: ImageSpec): string[] => [...(build?.after ? imagesOf(build.after) : []), name];

/**
 * Makes the repository of a host where nothing was started yet out of an archive: before the database starts, because that
 * would begin a repository of its own. @param repository which one the kit is of; undefined where it does not say
 */
export async function importBare(
  context: Context,
  project: Project,
  archive: CheckedArchive,
  repository: string | undefined,
): Promise<void> {
  if (repository !== undefined && repository !== archive.repository)
    throw new UserError(
      'REPOSITORY_AWAY',
      `${archive.file} is of another installation than the kit; nothing was changed`,
      'use the kit of the installation that the archive was exported from',
    );
  const prepared = await prepare(context, project.loaded, { unchecked: true });
  const server = repositoryHost(prepared.stack);
  if (!server)
    throw new UserError('NOT_RUNNING', `profile ${project.loaded.profile} has no backup`, 'a profile with `backup`, such as prod');
  const engine = await context.engine();
  await refuseForeignStackVolumes(prepared.stack, await engine.observe(prepared.stack.project), engine);
  await buildImages(context, project, imagesOf(server.image), false);
  const docker = await context.docker();
  await placeSecrets(project.state, server, prepared.secrets.values, prepared.secrets.fingerprints, docker);
  const backups = await backupContext(context, project);
  if (backups.mount.kind === 'volume') {
    await createVolume(backups.mount.source, { [LABEL.project]: backups.bench.project }, docker);
    await mustRun(backups.bench, {
      name: 'own',
      argv: ['chown', '10002:10002', backups.mount.target],
      mounts: [backups.mount],
      capabilities: ['CHOWN'],
    });
  }
  await importSet(context, project, archive);
}
