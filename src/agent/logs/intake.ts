import type { Intake } from './follower.ts';
import type { Journal } from './journal.ts';
import type { LogTally } from './log-tally.ts';
import type { Cursor } from './plan/cursor.ts';

/** Lines that wait for the disk at most, in characters: then the containers' streams wait. */
const FULL = 4 * 1024 ** 2;

/** Lines on their way to the disk. */
export interface PendingLines extends Intake {
  /** Writes what waits. @throws where the disk does not take it: it waits on */
  flush(): Promise<void>;
  /** It is stopped: nothing waits for space any more. */
  release(): void;
  /** When the oldest line that waits was written by its container, in milliseconds since 1970. */
  oldest(): number | undefined;
}

export function pendingLines(journal: Journal, tally: LogTally): PendingLines {
  const taken: Record<string, Cursor> = { ...journal.cursors };
  let documents: string[] = [];
  let cursors: Record<string, Cursor> = {};
  let size = 0;
  let oldest: string | undefined;
  let freed: (() => void) | undefined;
  let space: Promise<void> | undefined;
  let released = false;

  return {
    taken,
    add: (container, document, cursor, time, cut) => {
      documents.push(document);
      cursors[container] = cursor;
      taken[container] = cursor;
      size += document.length;
      if (cut) tally.cut++;
      if (oldest === undefined || time < oldest) oldest = time;
    },
    space: () => {
      if (released || size < FULL) return undefined;
      space ??= new Promise((resolve) => {
        freed = resolve;
      });
      return space;
    },
    flush: async () => {
      if (documents.length === 0) return;
      // What comes while the disk writes is the next batch.
      const batch = { documents, cursors, size, oldest };
      [documents, cursors, size, oldest] = [[], {}, 0, undefined];
      try {
        await journal.append(batch.documents, batch.cursors);
      } catch (error) {
        documents = [...batch.documents, ...documents];
        cursors = { ...batch.cursors, ...cursors };
        size += batch.size;
        oldest = batch.oldest;
        throw error;
      }
      tally.kept += batch.documents.length;
      freed?.();
      [space, freed] = [undefined, undefined];
    },
    release: () => {
      released = true;
      freed?.();
    },
    oldest: () => (oldest === undefined ? undefined : Date.parse(oldest)),
  };
}
