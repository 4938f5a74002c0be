import { plural } from '../../core/plural.ts';
import { utcText } from '../../core/time.ts';
import type { Release } from '../../deploy/plan/releases.ts';
import { bytes } from '../../host/plan/finding.ts';
import type { NamedImage } from '../../images/store/images.ts';

/** A disk that is watched: where the engine keeps images and containers, or that of the state folder. */
export interface Disk {
  id: 'engine' | 'state';
  /** For people: `the engine’s disk`. */
  what: string;
  /** Bytes that are free for others than root; null where that cannot be told. */
  free: number | null;
}

/** Something of medianest's own that nothing needs. */
export interface Dispensable {
  kind: 'release' | 'image' | 'leftover';
  /** Name of an image, or path of a file or folder. */
  name: string;
  /** Which disk it is on. */
  on: Disk['id'];
  why: string;
}

/** What was removed, or could not be. */
export interface Removal extends Dispensable {
  /** Bytes that the disk had more afterwards; null where that cannot be told. */
  freed: number | null;
  /** Why it is still there. */
  problem?: string;
}

/** What one look at the disks found and did: for `agent disk`, and as it is kept for `agent status`. */
export interface DiskHealing {
  /** ISO 8601. */
  at: string;
  healing: 'off' | 'suggest' | 'act';
  /** Bytes that each disk is to keep free (`diskReserve`). */
  reserve: number;
  disks: Disk[];
  removed: Removal[];
  /** What could be removed, and was not: `suggest`, a dry run, or enough was free before. */
  dispensable: Dispensable[];
  /** Why something of medianest's own stays that nothing here needs. */
  stays: string[];
  /** Another command works on the stack: nothing was removed. */
  busy: boolean;
}

/** It ends where health is content too: at the reserve itself, the next upload would begin it again. */
const ENOUGH = 2;

/** Disks with less than the reserve. One that cannot be asked is none of them. */
export const lowDisks = (disks: readonly Disk[], reserve: number): Disk[] => disks.filter(({ free }) => free !== null && free < reserve);

/** Whether nothing more has to go from a disk that was low. */
export const hasEnough = (free: number | null, reserve: number): boolean => free === null || free >= ENOUGH * reserve;

/**
 * Names that keep images of releases, and that no rollback can ask for: of releases that left the list, or never served.
 * @param images all that the engine has, by name
 * @param tagPrefix what these names of this project begin with
 * @param ordered the release that the overrides name
 */
export function pastReleases(
  images: readonly NamedImage[],
  releases: readonly Release[],
  tagPrefix: string,
  ordered: string | undefined,
): NamedImage[] {
  // Without the list it cannot be told which of them served.
  if (releases.length === 0) return [];
  const kept = new Set([ordered, ...releases.filter(({ result }) => result === 'deployed' || result === 'running').map(({ id }) => id)]);
  // `r3`, and `r3-backend` for the image of one of its processes.
  return images.filter(({ ref }) => {
    const [, id] = (ref.startsWith(tagPrefix) && /^(r\d+)(?:-[a-z][a-z0-9-]*)?$/.exec(ref.slice(tagPrefix.length))) || [];
    return id !== undefined && !kept.has(id);
  });
}

/** What a killed build has left has the number of its process in its name. */
export const builderOf = (ref: string): number | undefined => {
  const [, pid] = /-building-(\d+)$/.exec(ref) ?? [];
  return pid === undefined ? undefined : Number(pid);
};

/** A file or folder that a killed write has left beside its target (core/files.ts): the number of its process. */
export const writerOf = (name: string): number | undefined => {
  const [, pid] = /\.(\d+)\.tmp$/.exec(name) ?? [];
  return pid === undefined ? undefined : Number(pid);
};

/** Why it went, for the audit log. */
export const reasonOf = ({ why, on }: Dispensable, disks: readonly Disk[], reserve: number): string => {
  const disk = disks.find(({ id }) => id === on);
  return `${why}; ${disk?.what} had ${bytes(disk?.free ?? 0)} free, less than diskReserve (${bytes(reserve)})`;
};

const freeText = ({ what, free }: Disk): string => `${what}: ${free === null ? 'cannot be told' : `${bytes(free)} free`}`;

const removalText = ({ name, why, freed, problem }: Removal): string =>
  problem ? `${name} stays: ${problem}` : `removed ${name}: ${why}${freed !== null && freed > 0 ? ` (${bytes(freed)} more free)` : ''}`;

/** For a person: the disks, what was done, and what is left to do. The last line says the verdict. */
export function describeDisk({ healing, reserve, disks, removed, dispensable, stays, busy }: DiskHealing): string[] {
  const low = lowDisks(disks, reserve);
  const head = `${disks.map(freeText).join('; ')} (diskReserve ${bytes(reserve)})`;
  const did = removed.map(removalText);
  const could = low.length > 0 ? dispensable.map(({ name, why }) => `could go: ${name} (${why})`) : [];
  const verdict = () => {
    if (healing === 'off') return 'agent.healing is off: nothing is removed';
    const unknown = disks.filter(({ free }) => free === null);
    if (low.length === 0 && unknown.length > 0)
      return `whether ${unknown.map(({ what }) => what).join(' and ')} is nearly full cannot be told: nothing more is removed`;
    if (low.length === 0) return removed.length > 0 ? 'there is enough space again' : 'nothing to do';
    if (busy) return 'another command works on the stack; nothing was removed';
    const which = low.map(({ what }) => what).join(' and ');
    if (dispensable.length > 0) return `${which}: nearly full, and ${plural(dispensable.length, 'thing')} of medianest’s own could go`;
    return `${which}: nearly full, and nothing of medianest’s own is left that could go: docker system df, medianest backup prune, or a larger disk`;
  };
  return [head, ...did, ...could, ...stays, verdict()];
}

/** For `agent status`: a line, and what went last. */
export const describeLastLook = (last: DiskHealing): string[] => [
  `Disks, as of ${utcText(last.at)}: ${describeDisk({ ...last, removed: [], dispensable: [], stays: [] })[0]}`,
  ...last.removed.map((removal) => `  ${removalText(removal)}`),
  ...(lowDisks(last.disks, last.reserve).length > 0 ? last.dispensable.map(({ name, why }) => `  could go: ${name} (${why})`) : []),
];
