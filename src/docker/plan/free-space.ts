/** Program and arguments (stat(1)) that ask for the room on the disk of a folder in a container: blocks, their size, free and all inodes. */
export const freeSpaceArgv = (folder: string): string[] => ['stat', '--file-system', '--format', '%a %S %d %c', folder];

/** Bytes that are free for others than root, from stat's answer: blocks, and their size, whatever else. Undefined for anything else. */
export function freeSpaceOf(answer: string): number | undefined {
  const [, blocks, size] = /^(\d+) (\d+)(?: \d+ \d+)?\s*$/.exec(answer) ?? [];
  return blocks === undefined ? undefined : Number(blocks) * Number(size);
}

/** Free inodes and all of them, from the same answer; undefined where the file system counts none (btrfs), or the answer is another. */
export function inodesOf(answer: string): { free: number; all: number } | undefined {
  const [, free, all] = /^\d+ \d+ (\d+) (\d+)\s*$/.exec(answer) ?? [];
  return all === undefined || Number(all) === 0 ? undefined : { free: Number(free), all: Number(all) };
}
