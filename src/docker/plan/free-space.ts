/** Program and arguments (stat(1)) that ask for the room on the disk of a folder in a container. */
export const freeSpaceArgv = (folder: string): string[] => ['stat', '--file-system', '--format', '%a %S', folder];

/** Bytes that are free for others than root, from stat's answer: blocks, and their size. Undefined for anything else. */
export function freeSpaceOf(answer: string): number | undefined {
  const [, blocks, size] = /^(\d+) (\d+)\s*$/.exec(answer) ?? [];
  return blocks === undefined ? undefined : Number(blocks) * Number(size);
}
