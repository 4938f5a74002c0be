import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { shown, type Task } from '../../core/reporter.ts';
import { HARDENED } from '../../docker/hardened.ts';
import { createVolume } from '../../docker/volume.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import { withRole } from '../../stack/roles.ts';
import { applicationOf } from '../plan/holds.ts';
import type { Part } from '../plan/restore-part.ts';
import type { RestoreTarget } from '../plan/restore-target.ts';
import { type JobMount, mustRun } from '../repository/job.ts';
import type { BackupRoom } from '../repository/repository.ts';
import { type DatabaseFacts, restoreDatabase } from './database.ts';
import { restoreFiles, snapshotParts } from './files.ts';
import { type Sanitized, sanitizeDatabase, withOriginal } from './sanitize.ts';

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
 * Nothing of the stack that runs is touched, and nothing is archived. @param into the project, made anew
 */
export async function preview(
  context: Context,
  room: BackupRoom,
  target: RestoreTarget,
  into: string,
  options: PreviewOptions,
): Promise<Preview> {
  const { bench } = room;
  const engine = await context.engine();
  if ((await engine.observe(into)).length > 0)
    throw new UserError(
      'FOREIGN_PROJECT',
      `there is a project ${into} already; nothing was changed`,
      `medianest preview remove ${into}, or choose another name`,
    );
  // Volumes without a container are what a killed run has left, and not all of that may be for whoever looks now.
  await removePreview(room, into);
  const step = <T>(title: string, work: (task: Task) => Promise<T>): Promise<T> => shown(context.report, title, work);
  const data = volume(into, 'postgres-data', '/var/lib/postgresql/data');
  const uploads = volume(into, 'uploads', '/srv/uploads');
  let facts: DatabaseFacts | undefined;
  let sanitized: Sanitized | undefined;
  let files = 0;
  const database = (volume: JobMount) =>
    step('restore the database', (task) => restoreDatabase(room, { volume, folder: '17' }, target, { check: options.check }, task));
  if (options.parts.includes('db')) {
    await ownedVolume(room, into, data, 10002);
    if (!options.sanitize) facts = await database(data);
    else
      await withOriginal(room, async (original) => {
        await own(room, original, 10002);
        facts = await database(original);
        const portal = applicationOf(room.stack)?.image.build !== undefined;
        sanitized = await step('sanitize it', (task) => sanitizeDatabase(room, original, data, portal, task));
      });
  }
  await ownedVolume(room, into, uploads, Number(applicationOf(room.stack)?.uid ?? 10001));
  if (options.parts.includes('files')) {
    const snapshot = target.set.parts.files.snapshot;
    if ((await snapshotParts(bench, room.local, snapshot)).includes('uploads')) {
      await step('restore the uploads', () => restoreFiles(bench, room.local, snapshot, '/source/uploads', uploads, options.check));
      files = target.set.parts.files.files;
    }
  }
  const urls = options.start && facts ? await step('start it', () => start(room, into, data, uploads)) : [];
  return { project: into, facts, urls, files, sanitized };
}

/** An empty volume that belongs to the user who is to write into it. */
async function ownedVolume(room: BackupRoom, project: string, mount: JobMount, uid: number): Promise<void> {
  await createVolume(mount.source, { [LABEL.preview]: project, [LABEL.project]: project }, room.bench.docker);
  await own(room, mount, uid);
}

async function own(room: BackupRoom, mount: JobMount, uid: number): Promise<void> {
  await mustRun(room.bench, {
    name: 'own',
    argv: ['chown', `${uid}:${uid}`, '/volume'],
    mounts: [{ ...mount, target: '/volume' }],
    capabilities: ['CHOWN'],
  });
}

/** The database, and the portal before it, in a network without a way out. @returns the addresses of both */
async function start(room: BackupRoom, project: string, data: JobMount, uploads: JobMount): Promise<string[]> {
  const { docker, state } = room.bench;
  const must = async (args: string[]) => {
    const result = await docker.run(args);
    if (result.exitCode === 0) return result.stdout.trim();
    throw new UserError('RESTORE_FAILED', `docker ${args[0]} ${args[1]}: ${result.tail.at(-1)}`, `medianest preview remove ${project}`);
  };
  const labels = (service: string) => [
    ...['--label', `${LABEL.preview}=${project}`],
    ...['--label', `${LABEL.project}=${project}`, '--label', `com.docker.compose.project=${project}`],
    ...['--label', `com.docker.compose.service=${service}`, '--label', `${LABEL.component}=preview`],
    ...['--label', `com.docker.compose.project.working_dir=${state.root}`],
  ];
  const network = `${project}_preview`;
  await must([
    'network',
    'create',
    '--internal',
    '--label',
    `${LABEL.preview}=${project}`,
    '--label',
    `${LABEL.project}=${project}`,
    '--label',
    `com.docker.compose.project=${project}`,
    network,
  ]);
  const hardened = [...HARDENED, '--tmpfs', '/run:mode=1777'];
  const mount = ({ source, target }: JobMount) => ['--mount', `type=volume,source=${source},target=${target}`];
  const run = (service: string, more: string[]) =>
    must([
      'run',
      '--detach',
      '--init',
      '--name',
      `${project}-${service}`,
      '--hostname',
      service,
      '--network',
      network,
      '--network-alias',
      service,
      ...labels(service),
      ...hardened,
      '--memory',
      '512m',
      '--pids-limit',
      '512',
      ...more,
    ]);
  const address = async (service: string) =>
    must(['inspect', '--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', `${project}-${service}`]);
  const password = randomUUID();
  const secrets = volume(project, 'preview-secrets', '/run/secrets');
  await ownedVolume(room, project, secrets, 10002);
  const place = {
    name: 'preview-secrets',
    argv: ['preview-database', 'secrets'],
    mounts: [{ ...secrets, target: '/volume' }],
    input: `${password}\n`,
  };
  await mustRun(room.bench, place);
  await run('postgres', [...mount(data), '--user', '10002:10002', ...mount(secrets), '--entrypoint', 'preview-database', room.bench.image]);
  await must(['exec', `${project}-postgres`, 'preview-database', 'wait']);
  const database = await address('postgres');
  const app = applicationOf(room.stack);
  const url = `postgresql://preview:${password}@${database}:5432/medianest`;
  if (!app?.image.build) return [url];
  const redis = withRole(room.stack.services, 'cache')[0]?.image.ref;
  if (redis) {
    await run('redis', [
      '--user',
      '10003:10003',
      '--entrypoint',
      'redis-server',
      redis,
      '--save',
      '',
      '--dir',
      '/tmp',
      '--protected-mode',
      'no',
    ]);
    await run('app', [
      ...mount(uploads),
      ...['--user', `${app.uid}:${app.gid ?? app.uid}`, '--env', 'PORT=3000', '--env', 'DATABASE_URL_FILE=/run/secrets/database-url'],
      ...mount(secrets),
      ...['--env', 'REDIS_URL=redis://redis:6379', '--env', 'UPLOADS_PATH=/srv/uploads', '--env', 'MEDIA_PATH=/tmp'],
      app.image.ref,
    ]);
    const portal = `http://${await address('app')}:3000/`;
    await portalReady(portal);
    return [portal, url];
  }
  return [url];
}

/** All of a preview, by a label that nothing else has; also what a killed restore has left. */
export async function removePreview(room: Pick<BackupRoom, 'bench'>, project: string): Promise<number> {
  const { docker } = room.bench;
  const label = `label=${LABEL.preview}=${project}`;
  const list = async (args: string[]) => (await docker.run([...args, '--quiet', '--filter', label])).stdout.split('\n').filter(Boolean);
  const containers = await list(['ps', '--all']);
  if (containers.length > 0) await docker.run(['rm', '--force', '--volumes', ...containers]);
  const networks = await list(['network', 'ls']);
  if (networks.length > 0) await docker.run(['network', 'rm', ...networks]);
  const volumes = await list(['volume', 'ls']);
  if (volumes.length > 0) await docker.run(['volume', 'rm', '--force', ...volumes]);
  return containers.length + networks.length + volumes.length;
}

/** Until it can serve, or a minute is over. @returns undefined where the portal is not ours, and its paths are not known */
export async function portalReady(url: string | undefined): Promise<boolean | undefined> {
  if (!url) return undefined;
  for (let attempt = 0; attempt < 120; attempt++) {
    const answer = await fetch(`${url}api/health/ready`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    if (answer?.status === 200) return true;
    await sleep(500);
  }
  return false;
}
