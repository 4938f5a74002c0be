import { systemCode, UserError } from '../core/errors.ts';

/** Reports a full disk as such. @param where what is full, and what became of it */
export async function unlessFull<T>(where: string, fix: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const full =
      ['ENOSPC', 'EDQUOT'].includes(systemCode(error) ?? '') || (error instanceof UserError && /no space left/i.test(error.message));
    throw full ? new UserError('DISK_FULL', where, fix, { cause: error }) : error;
  }
}
