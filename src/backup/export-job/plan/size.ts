const BLOCK = 512;
/** tar writes so much at once, and ends with two blocks of zeros. */
const RECORD = 20 * BLOCK;

/** How large a tar of files of these sizes is. */
export function tarBytes(sizes: readonly number[]): number {
  const files = sizes.reduce((sum, size) => sum + BLOCK + BLOCK * Math.ceil(size / BLOCK), 0);
  return RECORD * Math.ceil((files + 2 * BLOCK) / RECORD);
}
