import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { systemCode } from '../../core/errors.ts';
import type { LogDocument } from './plan/document.ts';
import { isCommit, type Segment, scanSegment, segmentsOf } from './plan/segment.ts';

const unzip = promisify(gunzip);
const HOUR_MS = 3_600_000;

/** Which of the lines that are kept as files are wanted. */
export interface Asked {
  since: Date | undefined;
  /** Compose services; all where undefined. */
  services: readonly string[] | undefined;
  /** A text that a line has in it. */
  containing: string | undefined;
}

/**
 * Hands over the lines that are kept, in the order of time within each segment.
 * @param damaged hears of a segment that cannot be read; the others are
 */
export async function readStored(
  folder: string,
  asked: Asked,
  show: (line: string) => void,
  damaged: (name: string, error: Error) => void,
): Promise<void> {
  const { segments } = segmentsOf(await readdir(folder).catch(noneYet));
  for (const segment of segments) {
    // A line is kept after it was written, so the hour in which a segment was begun bounds its lines from above.
    if (asked.since && Date.parse(`${segment.hour}:00:00Z`) + HOUR_MS < asked.since.getTime()) continue;
    try {
      for (const line of wantedOf(await linesOf(folder, segment), asked)) show(line);
    } catch (error) {
      damaged(segment.name, error as Error);
    }
  }
}

/** The agent makes the folder when it first keeps lines there. */
function noneYet(error: Error): string[] {
  if (systemCode(error) === 'ENOENT') return [];
  throw error;
}

async function linesOf(folder: string, segment: Segment): Promise<string> {
  const file = path.join(folder, segment.name);
  try {
    const bytes = await readFile(file);
    if (segment.compressed) return (await unzip(bytes)).toString();
    return bytes.toString('utf8', 0, scanSegment(bytes).length);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
    // It was compressed or removed since the folder was read.
    if (segment.compressed) return '';
    return linesOf(folder, { ...segment, name: `${segment.name}.gz`, compressed: true });
  }
}

function wantedOf(text: string, { since, services, containing }: Asked): string[] {
  const from = since?.toISOString().slice(0, 23);
  const names = services && new Set(services);
  // As it stands in JSON.
  const part = containing === undefined ? undefined : JSON.stringify(containing).slice(1, -1);
  const found = new Map<string, { time: string; line: string }>();
  for (const line of text.split('\n')) {
    if (line === '' || isCommit(line) || (part !== undefined && !line.includes(part))) continue;
    const { '@timestamp': time, id, replica } = JSON.parse(line) as LogDocument;
    if ((from !== undefined && time < from) || (names && !names.has(replica))) continue;
    // After the clock was set back, some are there twice.
    found.set(id, { time, line });
  }
  return [...found.values()].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)).map(({ line }) => line);
}
