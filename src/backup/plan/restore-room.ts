/** What one volume has to hold in addition to its contents. */
export interface VolumeNeed {
  /** `the database`. */
  name: string;
  bytes: number;
}

/** A file takes whole blocks, however small it is. */
export const BLOCK = 4096;

export interface RoomShort {
  names: string[];
  needed: number;
  free: number;
}

/**
 * The first file system without enough space for everything that goes onto it.
 * @param facts a line for each need, of what its volume is on: identity, free blocks, their size (`stat --file-system`)
 */
export function roomShort(needs: readonly VolumeNeed[], facts: string): RoomShort | undefined {
  const disks = new Map<string, RoomShort>();
  const lines = facts.trim().split('\n');
  if (lines.length !== needs.length) throw new Error(`the disks are not told: ${facts}`);
  for (const [index, { name, bytes }] of needs.entries()) {
    const [disk = '', blocks, size] = (lines[index] as string).split(' ');
    const known = disks.get(disk) ?? { names: [], needed: 0, free: Number(blocks) * Number(size) };
    disks.set(disk, { names: [...known.names, name], needed: known.needed + bytes, free: known.free });
  }
  return [...disks.values()].find(({ needed, free }) => needed > free);
}
