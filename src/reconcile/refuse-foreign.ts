import { systemCode, UserError } from '../core/errors.ts';
import { exists, ownership, statOptional } from '../core/files.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { refuseForeignVolumes } from '../docker/volume.ts';
import { volumeName } from '../stack/labels.ts';
import type { Stack } from '../stack/types.ts';

const OTHER_NAME = 'choose another name: --project, or `project:` in medianest.yml';

/**
 * Containers of a project that we did not make, or that another state folder manages, are never touched. What an
 * operator's override adds carries no label of ours, but was started from our state folder. A stack is taken over only where its
 * state folder is proven to be gone.
 * @throws UserError FOREIGN_PROJECT, FOREIGN_STATE
 */
export function refuseForeign(project: string, containers: readonly ObservedContainer[], stateRoot: string): void {
  const others = containers.filter(({ stateFolder }) => stateFolder === undefined || !isSame(stateFolder, stateRoot));
  const foreign = others.find((container) => container.project !== project);
  if (foreign) {
    throw new UserError(
      'FOREIGN_PROJECT',
      `a Compose project named ${project} is here already, and medianest did not make it (container ${foreign.name}); nothing was changed`,
      OTHER_NAME,
    );
  }
  for (const folder of new Set(others.flatMap(({ stateFolder }) => stateFolder ?? []))) {
    const claim = claimOn(folder);
    if (claim) throw foreignState(project, stateRoot, { folder, ...claim });
  }
}

/**
 * Compose would mount a volume of that name with a mere warning, whatever project made it.
 * @param added volumes of the operator's override, as the engine calls them @throws UserError FOREIGN_PROJECT
 */
export async function refuseForeignStackVolumes(
  { project, volumes }: Pick<Stack, 'project' | 'volumes'>,
  containers: readonly ObservedContainer[],
  engine: Engine,
  added: readonly string[] = [],
): Promise<void> {
  const ours = containers.filter((container) => container.project === project).flatMap((container) => container.volumes);
  const names = volumes.map((name) => volumeName(project, name));
  await refuseForeignVolumes(engine, names, { kind: 'stack', project, mounted: ours });
  if (added.length === 0) return;
  await refuseForeignVolumes(engine, added, { kind: 'stack', project, mounted: mountedVolumes(project, containers) });
}

/** What containers of a project mount. What an override added before 0.5 has no label of ours, and `refuseForeign` has let it pass. */
export const mountedVolumes = (project: string, containers: readonly ObservedContainer[]): string[] =>
  containers.filter((container) => (container.project ?? project) === project).flatMap(({ volumes }) => volumes);

/** Whether a state folder is proven to be gone: one that cannot be looked at is another user's. */
export const isGone = (stateFolder: string): boolean => claimOn(stateFolder) === undefined;

/** Whether two names lead to one folder: it may have been moved, with a link left in its place. */
function isSame(folder: string, stateRoot: string): boolean {
  if (folder === stateRoot) return true;
  try {
    const [one, other] = [statOptional(folder), statOptional(stateRoot)];
    return one !== undefined && one.ino === other?.ino && one.dev === other.dev;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

interface Claim {
  uid: number;
  user: string | undefined;
  owner: string;
  /** Why the folder cannot be looked at. */
  unseen: string | undefined;
}

/** Who has a state folder; undefined where there is proof that it is gone. */
function claimOn(folder: string): Claim | undefined {
  try {
    return exists(folder) ? { ...ownership(folder), unseen: undefined } : undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const seen = ownership(folder);
    return { ...seen, unseen: `${systemCode(error.cause)} at ${seen.path}` };
  }
}

function foreignState(project: string, stateRoot: string, { folder, uid, user, owner, unseen }: Claim & { folder: string }): UserError {
  const seen = unseen === undefined ? '' : ` and cannot be looked at (${unseen})`;
  const there = uid === process.geteuid?.() && unseen === undefined ? 'go there, pass' : `run this as ${user ?? owner} with`;
  return new UserError(
    'FOREIGN_STATE',
    `the project ${project} is run from ${folder}, which belongs to ${owner}${seen}, not from ${stateRoot}; nothing was changed`,
    `${there} --state ${folder}, or choose another --project`,
    { path: folder },
  );
}
