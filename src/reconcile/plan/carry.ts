import { UserError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { ObservedContainer, ObservedVolume } from '../../docker/types.ts';
import { COMPOSE_PROJECT, COMPOSE_VOLUME, LABEL, volumeName } from '../../stack/labels.ts';
import type { Manifest } from '../../stack/manifest.ts';
import { withRole } from '../../stack/roles.ts';
import type { Stack } from '../../stack/types.ts';
import type { CarryJournal } from './carry-journal.ts';
import type { Change } from './change.ts';
import { isOf } from './left-data.ts';
import type { Step } from './step.ts';

/** What an `up` does so that data comes along. */
export interface Carrying {
  /** Before files are written and containers made. */
  first: Step[];
  /** After the files are written: the state folder has the new name then. */
  written: Step[];
  database?: { stop: string[]; steps: Step[] };
  /** Volumes, without the project's name, whose data comes along. */
  carried: string[];
}

/** A file system of a server is mounted under the new name as well: there is nothing to copy. */
const isRemote = (name: string): boolean => name.includes('_media-nfs-');

/** Every volume of a project, by its labels. */
export const volumesOf = (project: string, volumes: readonly ObservedVolume[]): ObservedVolume[] =>
  volumes.filter((volume) => isOf(volume, project) && volume.name.startsWith(volumeName(project, '')) && !isRemote(volume.name));

/**
 * Copies of all volumes of the name before. @param image of the job that copies
 * @throws UserError ALREADY_THERE if the new name has a volume that this move did not make
 */
export function carryVolumes(
  { recorded, project, image }: { recorded: string; project: string; image: string },
  volumes: readonly ObservedVolume[],
  journal: CarryJournal | undefined,
): Carrying {
  const own = volumesOf(recorded, volumes).sort((a, b) => (a.name < b.name ? -1 : 1));
  const target = ({ name }: ObservedVolume) => volumeName(project, name.slice(volumeName(recorded, '').length));
  const there = new Map(volumes.map((volume) => [volume.name, volume]));
  const taken = own
    .map((volume) => there.get(target(volume)))
    .find((volume) => volume !== undefined && (!journal || !isOf(volume, project)));
  if (taken)
    throw new UserError(
      'ALREADY_THERE',
      `the volume ${taken.name} is here already, so the data of ${recorded} cannot take its place; nothing was changed`,
      `choose another name; or, if its data is of no use: docker volume rm ${taken.name}`,
    );
  const isCopied = (name: string) => there.has(name) && journal?.copied[name] === (there.get(name)?.createdAt ?? '');
  const pending = own.filter((volume) => !isCopied(target(volume)));
  const cause = `the data of ${recorded} comes along`;
  const copies = pending.map(
    (volume): Step => ({ kind: 'carry-volume', from: volume.name, to: target(volume), labels: labelsFor(volume, project), image, cause }),
  );
  return {
    first: [
      ...(pending.length > 0 ? [{ kind: 'check-carry', volumes: pending.map(({ name }) => name), image, cause } satisfies Step] : []),
      { kind: 'begin-carry', journal: journal ?? { kind: 'rename', from: recorded, copied: {} }, cause },
      ...copies,
    ],
    written: [{ kind: 'finish-carry', cause: 'all copies are verified' }],
    carried: own.map(({ name }) => name.slice(volumeName(recorded, '').length)),
  };
}

/** As Compose or medianest would label it under the new name; without Compose's hash, Compose takes it as it is. */
function labelsFor({ labels }: ObservedVolume, project: string): Record<string, string> {
  const volume = labels[COMPOSE_VOLUME];
  return { [LABEL.project]: project, ...(volume !== undefined && { [COMPOSE_PROJECT]: project, [COMPOSE_VOLUME]: volume }) };
}

/** The volumes of the database that the last render had and the stack has not. @param services of the Compose file of that render */
export function databaseBefore(
  before: Pick<Manifest, 'services'> | undefined,
  services: Readonly<Record<string, JsonObject>>,
  stack: Pick<Stack, 'volumes'>,
): { volumes: string[]; clustered: boolean } {
  const databases = withRole(before?.services, 'database');
  const volumes = databases.flatMap(({ name }) => {
    const mounts = services[name]?.volumes;
    return ((Array.isArray(mounts) ? mounts : []) as JsonObject[]).flatMap(({ type, source }) =>
      type === 'volume' && typeof source === 'string' && !stack.volumes.includes(source) ? [source] : [],
    );
  });
  return { volumes: [...new Set(volumes)], clustered: databases.some(({ member }) => member !== undefined) };
}

/** What has to run so that the new cluster has a leader. */
const FIRST = ['coordination', 'database'];

/**
 * The database of a single server into the stack's cluster, once that runs and before the application does.
 * @param from the volume, without the project's name @param containers of the project, as they are
 * @throws UserError ALREADY_THERE if the cluster has volumes that this did not make
 */
export function carryDatabase(
  from: string,
  stack: Stack,
  { containers, volumes: there }: { containers: readonly ObservedContainer[]; volumes: readonly ObservedVolume[] },
  journal: CarryJournal | undefined,
): Carrying {
  const databases = withRole(stack.services, 'database');
  const image = databases[0]?.image.ref ?? '';
  const source = volumeName(stack.project, from);
  const volumes = stack.services
    .filter(({ role }) => FIRST.includes(role ?? ''))
    .flatMap(({ mounts }) => mounts.flatMap(({ kind, source }) => (kind === 'volume' ? [volumeName(stack.project, source)] : [])));
  const taken = there
    .map(({ name }) => name)
    .filter((name) => volumes.includes(name))
    .sort();
  if (taken.length > 0 && !journal)
    throw new UserError(
      'ALREADY_THERE',
      `the new database has volumes already (${taken.join(', ')}), so the data in ${from} cannot take its place; nothing was changed`,
      `keep what is there: medianest up; or, if it is of no use: docker volume rm ${taken.join(' ')}; then run the same command again`,
    );
  const applications = new Set(withRole(stack.services, 'application').flatMap(({ name, component }) => [name, component]));
  const stop = containers
    .filter(({ service, component, volumes }) => volumes.includes(source) || applications.has(service) || applications.has(component ?? ''))
    .map(({ service }) => service);
  const cause = `the database in ${from} comes along`;
  return {
    first: [
      { kind: 'check-carry', volumes: [source], image, database: { members: databases.length }, cause },
      { kind: 'begin-carry', journal: journal ?? { kind: 'database', from, copied: {} }, cause },
    ],
    written: [],
    database: {
      stop: [...new Set(stop)].sort(),
      steps: [
        { kind: 'carry-database', from: source, project: stack.project, members: databases.map(({ name }) => name), volumes, image, cause },
        { kind: 'finish-carry', cause: 'every row is verified' },
      ],
    },
    carried: [from],
  };
}

/** The steps about containers, with the database carried as soon as its cluster runs, and before anything starts that uses it. */
export function withDatabase(
  steps: readonly Step[],
  { stop, steps: carry }: NonNullable<Carrying['database']>,
  stack: Stack,
  changes: readonly Change[],
  waitSeconds: number,
): Step[] {
  const at = steps.findIndex(({ kind }) => kind === 'compose-up');
  const split = at < 0 ? steps.length : at;
  const starting = changes
    .filter(({ action }) => action !== 'keep' && action !== 'remove' && action !== 'reload')
    .map(({ service }) => service);
  const first = stack.services.filter(({ name, role }) => FIRST.includes(role ?? '') && starting.includes(name)).map(({ name }) => name);
  const up = (services: string[]): Step => ({
    kind: 'compose-up',
    services,
    forced: [],
    alone: true,
    waitSeconds,
    cause: 'the data goes into it first',
  });
  return [
    ...(stop.length > 0
      ? [{ kind: 'remove-services', services: [...stop], cause: 'nothing may write while the data is carried' } satisfies Step]
      : []),
    ...steps.slice(0, split),
    ...(first.length > 0 ? [up(first)] : []),
    ...carry,
    ...steps.slice(split),
  ];
}

/** What the plan says of services that are stopped for it: the facts that it was made from have them no more. */
export function stoppedChanges(changes: readonly Change[], stop: readonly string[]): Change[] {
  const known = new Set(changes.map(({ service }) => service));
  const downtime = 'from its stop until the data is in the new database';
  return [
    ...changes.map((change) =>
      stop.includes(change.service) && change.action === 'create'
        ? ({ ...change, action: 'recreate', cause: 'its database changes, and the data goes there first', downtime } satisfies Change)
        : change,
    ),
    ...stop
      .filter((service) => !known.has(service))
      .map(
        (service): Change => ({
          service,
          action: 'remove',
          cause: 'no longer part of the stack',
          downtime: 'it stops',
          dataRisk: 'none: its volumes are kept',
        }),
      ),
  ];
}

export const unfinished = ({ kind, from }: CarryJournal, project: string, root: string): UserError =>
  new UserError(
    'FOREIGN_STATE',
    kind === 'rename'
      ? `the data of ${from} is being copied to the volumes of ${project}, and that was interrupted; nothing was changed`
      : `the database in ${volumeName(project, from)} is being carried into the new one, and that was interrupted; nothing was changed`,
    `continue: medianest up --carry-data; or return to ${kind === 'rename' ? `the name ${from}` : 'the settings before'}: the old data is as it was`,
    { path: root },
  );
