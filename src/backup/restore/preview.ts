import { randomUUID } from 'node:crypto';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { shown, type Task } from '../../core/reporter.ts';
import type { DockerCli } from '../../docker/compose.ts';
import { composeArgs } from '../../docker/compose.ts';
import type { Engine } from '../../docker/types.ts';
import { createVolumeIn, refuseForeignVolumes, removeVolumes } from '../../docker/volume.ts';
import { type Prepared, prepare } from '../../reconcile/prepare.ts';
import type { ResolvedSecrets } from '../../secrets/plan/secrets.ts';
import { app } from '../../services/app/app.ts';
import { appSettings } from '../../services/app/portal.ts';
import { redis } from '../../services/cache/redis.ts';
import { postgres } from '../../services/database/postgres.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import type { Rendered, Service } from '../../stack/types.ts';
import { applicationOf, filePlaces } from '../plan/holds.ts';
import {
  configOf,
  PREVIEW_CONFIG,
  PREVIEW_DATABASE,
  PREVIEW_SECRETS,
  previewCompose,
  previewContainer,
  previewLabels,
  previewServices,
  previewSettings,
  previewVolumes,
} from '../plan/preview-compose.ts';
import type { Part } from '../plan/restore-part.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { type JobMount, mustRun } from '../repository/job.ts';
import type { BackupContext } from '../repository/repository.ts';
import { type DatabaseFacts, restoreDatabase } from './database.ts';
import { previewPlaces, restorePreviewFiles } from './preview-files.ts';
import { refuseTakenOriginal, type Sanitized, sanitizeDatabase, withOriginal } from './sanitize.ts';

export interface Preview {
  project: string;
  facts: DatabaseFacts | undefined;
  /** Where to look at the data: the portal, and the database. */
  urls: string[];
  files: number;
  sanitized: Sanitized | undefined;
}

export interface PreviewOptions {
  parts: readonly Part[];
  check: boolean;
  start: boolean;
  /** Nothing is shown before it is sanitized; files are left out. */
  sanitize: boolean;
}

const volume = (project: string, name: string, target: string): JobMount => ({
  source: volumeName(project, name),
  target,
  kind: 'volume',
  readOnly: false,
});

/**
 * The data of another time in a project of its own, in a network that leads nowhere: a database, its uploads and the portal.
 * Nothing of the stack that runs is touched, and nothing is archived. @param into the project, created again
 */
export async function preview(
  context: Context,
  backups: BackupContext,
  target: RestoreTarget,
  into: string,
  options: PreviewOptions,
): Promise<Preview> {
  const { bench } = backups;
  const engine = await context.engine();
  await refuseTakenPreview(engine, backups, into, options);
  // Volumes without a container are what a killed run has left, and not all of that may be shown in this preview.
  await removePreview(bench.docker, into);
  const step = <T>(title: string, work: (task: Task) => Promise<T>): Promise<T> => shown(context.report, title, work);
  const data = volume(into, PREVIEW_DATABASE, '/var/lib/postgresql/data');
  const places = previewPlaces(backups, (name, at) => volume(into, name, at));
  let facts: DatabaseFacts | undefined;
  let sanitized: Sanitized | undefined;
  const database = (volume: JobMount) =>
    step('restore the database', (task) => restoreDatabase(backups, { volume, folder: '17' }, target, { check: options.check }, task));
  if (options.parts.includes('db')) {
    await ownedVolume(backups, into, data, 10002);
    if (!options.sanitize) facts = await database(data);
    else
      await withOriginal(backups, async (original) => {
        await own(backups, original, 10002);
        facts = await database(original);
        const portal = applicationOf(backups.stack)?.image.build !== undefined;
        sanitized = await step('sanitize it', (task) => sanitizeDatabase(backups, original, data, portal, task));
      });
  }
  for (const { at } of places) await ownedVolume(backups, into, at, Number(applicationOf(backups.stack)?.uid ?? 10001));
  const files = options.parts.includes('files') ? await restorePreviewFiles(backups, target, places, options.check, step) : 0;
  const urls = options.start && facts ? await step('start it', () => start(context, backups, into)) : [];
  return { project: into, facts, urls, files, sanitized };
}

/**
 * Refuses a name that something else has: containers, or a volume that no preview of this project made under that name. A preview's
 * own volumes are what a killed run has left. @param backups of the project whose backup is restored
 * @throws UserError FOREIGN_PROJECT
 */
export async function refuseTakenPreview(
  engine: Engine,
  { bench: { project: of }, stack }: BackupContext,
  into: string,
  { sanitize }: { sanitize: boolean },
): Promise<void> {
  if ((await engine.observe(into)).length > 0)
    throw new UserError(
      'FOREIGN_PROJECT',
      `there is a project ${into} already; nothing was changed`,
      `medianest preview remove ${into}, or choose another name`,
    );
  await refuseForeignVolumes(engine, previewVolumes(into, filePlaces(stack)), { kind: 'preview', project: into, of });
  if (sanitize) await refuseTakenOriginal(engine, of);
}

/** An empty volume that belongs to the user who is to write into it. */
async function ownedVolume(backups: BackupContext, project: string, mount: JobMount, uid: number): Promise<void> {
  const labels = previewLabels(project, backups.bench.project);
  await createVolumeIn(backups.stack.encryptedIn, mount.source, labels, backups.bench.docker);
  await own(backups, mount, uid);
}

async function own(backups: BackupContext, mount: JobMount, uid: number): Promise<void> {
  await mustRun(backups.bench, {
    name: 'own',
    argv: ['chown', `${uid}:${uid}`, '/volume'],
    mounts: [{ ...mount, target: '/volume' }],
    capabilities: ['CHOWN'],
  });
}

/**
 * The database, and the portal before it, in a network without a way out: the stack that `up` would build and render for the same
 * settings, as plan/preview-compose.ts reduces it. @returns the addresses of both
 */
async function start(context: Context, backups: BackupContext, project: string): Promise<string[]> {
  const { docker, image, signal, state } = backups.bench;
  const must = async (args: string[], input?: string) => {
    const result = await docker.run(args, { signal, ...(input !== undefined && { input }) });
    if (result.exitCode === 0) return result.stdout.trim();
    throw new UserError(
      'RESTORE_FAILED',
      `docker ${args.slice(0, 2).join(' ')}: ${result.tail.at(-1)}`,
      `medianest preview remove ${project}`,
    );
  };
  const { stack, rendered, secrets } = await preparePreview(context, backups, project);
  const { database, cache, application } = previewServices(stack);
  const document = previewCompose(rendered, stack, {
    ...{ project, of: backups.bench.project },
    database: { image, entrypoint: ['preview-database'] },
  });
  const up = (...services: string[]) =>
    must(
      composeArgs(project, state.root, ['-'], 'up', '--detach', '--no-build', '--pull', 'never', '--no-deps', ...services),
      JSON.stringify(document),
    );
  const address = (service: Service) =>
    must(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', previewContainer(project, service)]);
  const password = randomUUID();
  await placeInVolumes(backups, project, password, cache, rendered, secrets);
  await up(database.name);
  await must(['exec', previewContainer(project, database), 'preview-database', 'wait']);
  const url = `postgresql://preview:${password}@${await address(database)}:5432/medianest`;
  // What of an own image answers where is not known.
  if (!application?.image.build || !cache) return [url];
  await up(cache.name, application.name);
  const portal = `http://${await address(application)}:${application.environment.PORT}/`;
  await portalReady(portal, signal);
  return [portal, url];
}

/** The preview's stack, by the same build and render as `up`. */
async function preparePreview(context: Context, { loaded }: BackupContext, project: string): Promise<Prepared> {
  const components = [app.name, postgres.name, redis.name];
  const settings = previewSettings(loaded.settings, project, components, appSettings.shape.media.parse(undefined));
  return prepare(context, { ...loaded, settings }, { unchecked: true });
}

/** Secrets and configuration, which a stack has as folders of the state folder: a preview leaves nothing there. */
async function placeInVolumes(
  backups: BackupContext,
  project: string,
  password: string,
  cache: Service | undefined,
  rendered: Rendered,
  { values }: ResolvedSecrets,
): Promise<void> {
  const secrets = volume(project, PREVIEW_SECRETS, '/volume');
  const config = volume(project, PREVIEW_CONFIG, '/volume');
  await ownedVolume(backups, project, secrets, 10002);
  await ownedVolume(backups, project, config, 10002);
  const place = (at: JobMount, file: string, input: string) =>
    mustRun(backups.bench, {
      name: 'preview-place',
      argv: ['install', '-D', '-m', '0444', '/dev/stdin', `/volume/${file}`],
      mounts: [at],
      input,
    });
  await mustRun(backups.bench, {
    name: 'preview-secrets',
    argv: ['preview-database', 'secrets'],
    mounts: [secrets],
    input: `${password}\n`,
  });
  if (!cache) return;
  for (const { name } of cache.secrets) await place(secrets, name, values[name]?.reveal() ?? '');
  const url = new URL(values['redis-url']?.reveal() ?? '');
  url.hostname = cache.name;
  await place(secrets, 'redis-url', url.href);
  for (const { path, contents } of configOf(rendered, cache)) await place(config, `current/${path}`, contents);
}

/** All of a preview, by a label that nothing else has; also what a killed restore has left. */
export async function removePreview(docker: DockerCli, project: string): Promise<number> {
  const label = `label=${LABEL.preview}=${project}`;
  const list = async (args: string[]) => (await docker.run([...args, '--quiet', '--filter', label])).stdout.split('\n').filter(Boolean);
  const containers = await list(['ps', '--all']);
  if (containers.length > 0) await docker.run(['rm', '--force', '--volumes', ...containers]);
  const networks = await list(['network', 'ls']);
  if (networks.length > 0) await docker.run(['network', 'rm', ...networks]);
  const volumes = await list(['volume', 'ls']);
  await removeVolumes(volumes, docker);
  return containers.length + networks.length + volumes.length;
}

/** Until it can serve, or a minute is over. @returns undefined where the portal is not ours, and its paths are not known */
export async function portalReady(url: string | undefined, signal: AbortSignal): Promise<boolean | undefined> {
  if (!url) return undefined;
  const ask = async () => {
    const answer = await fetch(`${url}api/health/ready`, { signal: AbortSignal.any([signal, AbortSignal.timeout(2000)]) }).catch(
      () => undefined,
    );
    return answer?.status === 200 || undefined;
  };
  return (await poll(ask, { every: 500, timeout: 60_000, signal })) ?? false;
}
