import { UserError } from '../../core/errors.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Blueprint, Mount } from '../../stack/types.ts';
import { databaseMembers } from '../database/patroni.ts';
import { postgres } from '../database/postgres.ts';
import { generated } from '../shared/member.ts';
import { BACKUP_CERTIFICATE } from './settings/backup-address.ts';
import { type BackupSettings, backupSettings } from './settings/backup-settings.ts';
import { copyNames, copySecrets, copyView, knownHosts } from './settings/copies-settings.ts';
import { databaseFolder, databaseKey, type KeyVersions, keyVersionsOf, living } from './settings/key-versions.ts';

const BACKUP_HOST = 65;
const COPIES_HOST = 66;

/** The container that sends the repository elsewhere. */
export const COPIES = 'backup-copies';

/** Where the repository is, in every container that has it. */
export const REPOSITORY = '/srv/backups';

/** Of processors that others want too a backup gets what is left: 1,024 is what every other container has. */
export const BACKUP_CPU_SHARES = 128;
export const REPOSITORY_VOLUME = 'backups';

/** What encrypts pgBackRest's repository, each key version of it, and all of restic's. */
const databaseSecret = (generation: number) => ({ ...generated(databaseKey(generation)), encrypts: 'the backups of the database' });
const FILES_KEY = { ...generated('backup-files-key'), encrypts: 'the backups of the files' };

export const backup = defineService({
  name: 'backup',
  key: 'backup',
  // The profiles with a cluster name it; a single server brings it along, with profiles of operators too.
  accompanies: postgres.name,
  summary: 'Backups: pgBackRest takes the database and its WAL (of a single server: a dump), restic all the rest; encrypted',
  settings: backupSettings,
  build: (own, input) => {
    refuseUnfit(own, input);
    if (!input.enabled('patroni')) return [dumpKeeper(own, input)];
    const repository = server(own, input);
    return copyNames(own.copies).length > 0 ? [repository, copier(own, repository, keyVersionsOf(input.overrides))] : [repository];
  },
});

/** What the repository's container is, whatever keeps the database. */
const repositoryContainer = (own: BackupSettings, input: BuildInput) => ({
  name: 'backup',
  role: 'repository' as const,
  image: input.image('backup', { after: input.image('patroni', { after: input.image('postgres') }) }),
  // As the database: pgBackRest keeps who owned a file, and restores it as the same.
  uid: 10002,
  host: BACKUP_HOST,
  ports: [],
  mounts: [repositoryMount(own)],
  memoryBytes: own.memory,
  cpus: own.cpus,
  urls: [],
});

/**
 * The repository of a single database, which is dumped: it has no server, because nothing sends anything to it. Jobs write dumps, and
 * this container has what they ask for (its identity, its disk), and is healthy while its disk can be written.
 */
function dumpKeeper(own: BackupSettings, input: BuildInput): Blueprint {
  return {
    ...repositoryContainer(own, input),
    networks: [],
    secrets: [FILES_KEY],
    environment: {},
    view: { dumps: true, copies: false, cpuShares: BACKUP_CPU_SHARES },
    configFrom: [],
    keeps: { [REPOSITORY]: 'the repository', '/tmp': 'nothing lasting', '/run': 'nothing lasting' },
    after: [],
    interruption: 'none: backups wait for it',
  };
}

/** The repository host. What reads files runs in containers of its own (backup/repository/job.ts). */
function server(own: BackupSettings, input: BuildInput): Blueprint {
  const members = databaseMembers(input);
  const generations = keyVersionsOf(input.overrides);
  return {
    ...repositoryContainer(own, input),
    networks: ['control'],
    secrets: [...living(generations).map(databaseSecret), FILES_KEY],
    certificate: BACKUP_CERTIFICATE,
    trust: true,
    environment: generations.current === 1 ? {} : { GENERATION: String(generations.current) },
    view: {
      folder: databaseFolder(generations.current),
      members: members.map(({ name }, index) => ({ name, number: index + 1 })),
      processes: Math.max(1, Math.floor(own.cpus)),
      dumps: false,
      copies: false,
      cpuShares: BACKUP_CPU_SHARES,
    },
    keeps: {
      [REPOSITORY]: 'the repository',
      '/tmp': 'nothing lasting; its entrypoint is a shell, which expects it',
      '/run': 'its lock, and the key that pgBackRest reads',
    },
    after: members.map(({ name }) => name),
    reload: ['/usr/local/bin/reload'],
    interruption: 'none: WAL waits at the database meanwhile',
  };
}

/** It calls addresses outside, so it is in none of the networks of the data, and can change nothing in the repository. */
function copier(own: BackupSettings, repository: Blueprint, generations: KeyVersions): Blueprint {
  return {
    name: COPIES,
    image: repository.image,
    uid: repository.uid,
    host: COPIES_HOST,
    networks: ['mgmt'],
    ports: [],
    mounts: [
      ...repository.mounts.map((mount) => ({ ...mount, readOnly: true })),
      { source: COPIES, target: '/var/lib/copies', kind: 'volume', readOnly: false },
    ],
    secrets: [FILES_KEY, ...copySecrets(own.copies)],
    environment: {},
    view: {
      dumps: false,
      copies: true,
      cpuShares: BACKUP_CPU_SHARES,
      ...copyView(own.copies),
      known: knownHosts(own.copies),
      names: copyNames(own.copies).join(' '),
      folders: living(generations).map(databaseFolder).join(' '),
      period: own.archiveSeconds,
    },
    configFrom: [COPIES],
    memoryBytes: own.memory,
    cpus: own.cpus,
    keeps: {
      '/var/lib/copies': 'how far each copy has got',
      '/tmp': 'nothing lasting; its programs are shells, which expect it',
      '/run': 'its settings with the keys in them, and lists of what is here and there',
    },
    after: [repository.name],
    interruption: 'none: WAL and sets are sent when it is back',
    urls: [],
  };
}

/** A folder's path is absolute by now: relative to medianest.yml, it was resolved there. */
function repositoryMount({ local }: BackupSettings): Mount {
  if (local.kind === 'folder' && local.path) return { source: local.path, target: REPOSITORY, kind: 'bind', readOnly: false };
  return { source: REPOSITORY_VOLUME, target: REPOSITORY, kind: 'volume', readOnly: false, outlives: true };
}

/** @throws UserError INVALID_SETTINGS */
function refuseUnfit({ copies }: BackupSettings, input: BuildInput): void {
  if (input.enabled('patroni')) return;
  if (!input.enabled(postgres.name))
    throw new UserError(
      'INVALID_SETTINGS',
      'backup is switched on, and it takes its database from patroni or postgres, and neither is; nothing was changed',
      'use a profile with one of them, such as prod, staging or dev-compose, or `components: { backup: false }`',
    );
  const names = copyNames(copies);
  if (names.length > 0)
    throw new UserError(
      'INVALID_SETTINGS',
      `backup.copies.${names[0]}: copies elsewhere are of the backups of a cluster (patroni); a single postgres keeps dumps, and has none; nothing was changed`,
      'remove backup.copies, or use staging or prod; the folder of `backup.local: { kind: folder, ... }` can be on a disk that something else copies',
    );
}
