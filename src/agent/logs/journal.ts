import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat, unlink } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gunzip } from 'node:zlib';
import type { Cursor } from './plan/cursor.ts';
import { batchOf, type Cursors, hourOf, type Segment, scanSegment, segmentName, segmentsOf } from './plan/segment.ts';

const unzip = promisify(gunzip);

export interface JournalOptions {
  folder: string;
  /** A segment that has grown to it is followed by another. */
  segmentBytes: number;
  /** A new segment each hour, and those that are done are compressed. */
  hourly: boolean;
  now(): number;
}

export type SizedSegment = Segment & { bytes: number };

/** The lines on disk (plan/segment.ts). One process writes to it. */
export class Journal {
  /** Of every container up to where its lines are kept. */
  readonly cursors: Record<string, Cursor> = {};
  private readonly options: JournalOptions;
  private current: { segment: Segment; file: FileHandle; length: number } | undefined;
  /** What is written to it is written one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(options: JournalOptions) {
    this.options = options;
  }

  /** Continues what is there. What a killed process has left unfinished is removed: those lines were not taken. */
  static async open(options: JournalOptions): Promise<Journal> {
    const journal = new Journal(options);
    await mkdir(options.folder, { recursive: true, mode: 0o750 });
    const { segments, waste } = segmentsOf(await readdir(options.folder));
    for (const name of waste) await rm(journal.pathOf(name), { force: true });
    await journal.continue(segments);
    return journal;
  }

  private async continue(segments: Segment[]): Promise<void> {
    for (const segment of segments.toReversed()) {
      const file = this.pathOf(segment.name);
      const bytes = await readFile(file);
      const { length, cursors } = scanSegment(segment.compressed ? await unzip(bytes) : bytes);
      if (length === 0) {
        // Its first batch has all cursors, and the segment before it is kept until that is written.
        await unlink(file);
        continue;
      }
      Object.assign(this.cursors, cursors);
      if (segment.compressed) return this.begin(segment.number + 1);
      const handle = await open(file, 'r+');
      if (length < bytes.length) await handle.truncate(length);
      this.current = { segment, file: handle, length };
      return;
    }
    await this.begin(1);
  }

  /** Keeps lines and the cursors that they lead to, both or neither. @throws where the disk does not take it: nothing is kept then */
  append(documents: readonly string[], cursors: Cursors): Promise<void> {
    return this.alone(() => this.write(documents, cursors));
  }

  /** Begins a new segment where that is due. */
  rotateIfDue(): Promise<void> {
    return this.alone(() => this.rotate());
  }

  private alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work);
    this.last = done.catch(() => undefined);
    return done;
  }

  private async write(documents: readonly string[], cursors: Cursors): Promise<void> {
    await this.rotate();
    const current = this.current;
    if (!current) throw new Error('the journal is closed');
    const batch = batchOf(documents, cursors);
    try {
      await writeAll(current.file, batch, current.length);
      await current.file.datasync();
    } catch (error) {
      await current.file.truncate(current.length).catch(() => undefined);
      throw error;
    }
    current.length += batch.length;
    Object.assign(this.cursors, cursors);
  }

  private async rotate(): Promise<void> {
    if (!this.current) throw new Error('the journal is closed');
    const { segment, length } = this.current;
    const { hourly, segmentBytes, now } = this.options;
    if (length < segmentBytes && !(hourly && segment.hour !== hourOf(now()))) return;
    await this.begin(segment.number + 1);
  }

  /** A segment begins with all cursors: what is older is not needed to continue. */
  private async begin(number: number): Promise<void> {
    const hour = hourOf(this.options.now());
    const name = segmentName(hour, number);
    const head = batchOf([], this.cursors);
    const file = await open(this.pathOf(name), 'w+', 0o640);
    try {
      await writeAll(file, head, 0);
      await file.sync();
      await this.syncFolder();
    } catch (error) {
      await file.close();
      await rm(this.pathOf(name), { force: true });
      throw error;
    }
    const before = this.current;
    this.current = { segment: { name, hour, number, compressed: false }, file, length: head.length };
    await before?.file.close();
  }

  /** All segments with their sizes, the oldest first; the last is written to. */
  async segments(): Promise<SizedSegment[]> {
    const { segments } = segmentsOf(await readdir(this.options.folder));
    return Promise.all(segments.map(async (segment) => ({ ...segment, bytes: (await stat(this.pathOf(segment.name))).size })));
  }

  /** Up to where the segment that is written to is kept; undefined for any other, which is kept as a whole. */
  lengthOf(number: number): number | undefined {
    return this.current?.segment.number === number ? this.current.length : undefined;
  }

  /** Compresses those that are done. A reader sees the one form or the other, or both with the same lines. */
  async compress(): Promise<void> {
    for (const { name, number, compressed } of segmentsOf(await readdir(this.options.folder)).segments) {
      if (compressed || number === this.current?.segment.number) continue;
      const [source, target] = [this.pathOf(name), this.pathOf(`${name}.gz`)];
      await pipeline(createReadStream(source), createGzip(), createWriteStream(`${target}.tmp`, { mode: 0o640 }));
      const file = await open(`${target}.tmp`, 'r+');
      await file.sync().finally(() => file.close());
      await rename(`${target}.tmp`, target);
      await this.syncFolder();
      await unlink(source);
    }
  }

  async remove({ name }: Segment): Promise<void> {
    await rm(this.pathOf(name), { force: true });
  }

  close(): Promise<void> {
    return this.alone(async () => {
      await this.current?.file.close();
      this.current = undefined;
    });
  }

  pathOf(name: string): string {
    return path.join(this.options.folder, name);
  }

  private async syncFolder(): Promise<void> {
    const folder = await open(this.options.folder, 'r');
    await folder.sync().finally(() => folder.close());
  }
}

/** `write` of a file that is nearly full writes a part, and reports no error. */
async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at, position + at);
    if (bytesWritten === 0) throw Object.assign(new Error('the disk took nothing'), { code: 'ENOSPC' });
    at += bytesWritten;
  }
}
