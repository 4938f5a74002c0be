import { setTimeout as sleep } from 'node:timers/promises';
import { type Copy, noteFact, ownIdentity, readFact, readWanted, workAt, writeWork } from './copy.ts';
import { hasWal } from './listings.ts';
import { locked } from './lock.ts';
import { explain, freeBytes, needsFreeSpace } from './plan/explain.ts';
import { FACTS, factTime, statusLines } from './plan/status.ts';
import { sendSets } from './send-sets.ts';
import { sendWal } from './send-wal.ts';

const ROUNDS = { wal: sendWal, sets: sendSets };
type Kind = keyof typeof ROUNDS;

export interface ServiceContext {
  now(): Date;
  /** A line in the container’s log. */
  say(line: string): void;
}

/** WAL and sets of each copy in a loop of their own, so that each of them fails alone. Does not return. */
export async function serve(copies: readonly Copy[], periodSeconds: number, context: ServiceContext): Promise<never> {
  const loops = copies.flatMap((copy) => {
    noteFact(copy, 'since', factTime(context.now()));
    return (['wal', 'sets'] as const).map(async (kind) => {
      for (;;) {
        // Its presence says that the loop runs (`copies alive`).
        writeWork(copy, `${kind}.alive`, '');
        await round(copy, kind, context);
        await sleep(periodSeconds * 1000);
      }
    });
  });
  await Promise.race(loops);
  throw new Error('a loop has ended');
}

/** Sends what there is to send, and notes how that went. */
export async function round(copy: Copy, kind: Kind, { now, say }: ServiceContext): Promise<void> {
  const before = readFact(copy, `${kind}-error`) ?? '';
  try {
    // Without an identity nothing was ever backed up here: there is nothing to send, or it is yet to be fetched.
    if (ownIdentity(copy) === '' || !(await hasWal(copy))) return;
    await locked(workAt(copy, `${kind}.lock`), undefined, () => ROUNDS[kind](copy, now));
    noteFact(copy, `${kind}-success`, factTime(now()));
    if (before !== '') say(`copy ${copy.name}: ${kind} is sent again`);
    noteFact(copy, `${kind}-error`, '');
  } catch (error) {
    const reason = await explained(copy, (error as Error).message);
    if (reason !== before) say(`copy ${copy.name}: ${kind}: ${reason}`);
    noteFact(copy, `${kind}-error`, reason);
  }
  noteFact(copy, `${kind}-tried`, factTime(now()));
}

async function explained({ name, run }: Copy, error: string): Promise<string> {
  if (!needsFreeSpace(error)) return explain(error, undefined);
  const { stdout } = await run('rclone', ['about', '--json', `${name}:`]);
  return explain(error, freeBytes(stdout));
}

/** How far a copy has got. */
export const status = (copy: Copy): string[] =>
  statusLines(
    copy.name,
    Object.fromEntries(FACTS.map((fact) => [fact, readFact(copy, fact)])),
    readWanted(copy)?.text,
    readFact(copy, 'done'),
  );
