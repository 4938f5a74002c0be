import { systemCode, UserError } from '../errors.ts';

/** A disk that is full is told as such. */
export async function full<T>(where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const no =
      ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '') || (error instanceof UserError && /no space left/i.test(error.message));
    if (!no) throw error;
    throw new UserError(
      'DISK_FULL',
      `${where} is full; what was begun is removed`,
      'free some space, or choose another disk with --to: an export needs room for the archive there, and for its files once more among Docker’s volumes',
      { cause: error },
    );
  }
}
