import type { IncomingMessage } from 'node:http';
import type { EngineLogs } from './engine-logs.ts';
import { pause } from './log-store.ts';
import { newCursor, Taking } from './plan/cursor.ts';
import { documentOf, type LogDocument, type Origin } from './plan/document.ts';
import { splitFrames } from './plan/frames.ts';
import { LineJoiner } from './plan/lines.ts';
import type { Cursors } from './plan/segment.ts';

/** Where lines go before they are on disk. */
export interface Intake {
  /** Of every container up to where its lines were taken, on disk or not. */
  readonly taken: Cursors;
  add(container: string, document: string, cursor: Cursors[string], time: string, cut: boolean): void;
  /** Sees each line that is taken. */
  look?(document: LogDocument): void;
  /** Resolves once there is space for more; at once where there is. */
  space(): Promise<void> | undefined;
}

/** Less than so many bytes at once trickle: more is let come together for so long, as each look at the stream costs as much as ten lines. */
const TRICKLE = 16 * 1024;
const GATHER_MS = 100;

/** The container is not the one that was listed: the next round sees which one it is. */
export class Replaced extends Error {}

/**
 * Takes the lines of one container until its stream ends.
 * @param origin its `id` as it was listed
 * @param opened is called once lines come
 * @throws Replaced, or Error where the engine does not give them
 */
export async function followContainer(
  engine: EngineLogs,
  origin: Origin,
  intake: Intake,
  signal: AbortSignal,
  opened: () => void,
): Promise<void> {
  const known = intake.taken[origin.container];
  const cursor = known?.id === origin.id ? known : newCursor(origin.id);
  const ended = new AbortController();
  const life = AbortSignal.any([signal, ended.signal]);
  try {
    const response = await engine.follow(origin.container, cursor.since, life);
    // The engine is asked by name, and a name may have gone to another container meanwhile.
    const id = await engine.idOf(origin.container, life);
    if (id !== origin.id) throw new Replaced(`${origin.container} was replaced`);
    opened();
    await takeLines(response, origin, new Taking(cursor), intake, life);
  } finally {
    ended.abort();
  }
}

async function takeLines(response: IncomingMessage, origin: Origin, taking: Taking, intake: Intake, signal: AbortSignal): Promise<void> {
  const joiner = new LineJoiner();
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of response) {
    const split = splitFrames(rest, chunk as Buffer);
    rest = split.rest;
    for (const frame of split.frames) {
      const line = joiner.add(frame);
      const taken = line && taking.take(line.time, joiner.unfinished);
      if (!taken) continue;
      const document = documentOf(line, taken.n, origin);
      intake.look?.(document);
      intake.add(origin.container, JSON.stringify(document), taken.cursor, line.time, line.cutFrom !== undefined);
    }
    const space = intake.space();
    if (space) await space;
    else if ((chunk as Buffer).length < TRICKLE) await pause(GATHER_MS, signal);
  }
}
