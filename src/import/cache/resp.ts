import type { Readable, Writable } from 'node:stream';

/** An answer of Redis (RESP2); an error that the server reports is an Error in its place. */
export type Reply = Buffer | number | null | Error | Reply[];

/** A command as a server reads it. */
export function command(...args: readonly (string | Buffer | number)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const value = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    pieces.push(Buffer.from(`$${value.length}\r\n`), value, Buffer.from('\r\n'));
  }
  return Buffer.concat(pieces);
}

/** Reads a stream by pieces of a given length or by lines. What is not asked for waits in the stream. */
class Pieces {
  private readonly source: AsyncIterator<Buffer>;
  private rest: Buffer = Buffer.alloc(0);

  constructor(stream: Readable) {
    this.source = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  }

  private async more(): Promise<Buffer> {
    const { value, done } = await this.source.next();
    if (done) throw new Error('the connection has ended');
    return value;
  }

  async line(): Promise<string> {
    for (let from = 0; ; ) {
      const end = this.rest.indexOf(10, from);
      if (end >= 0) {
        const text = this.rest.toString('utf8', 0, end);
        this.rest = this.rest.subarray(end + 1);
        return text.endsWith('\r') ? text.slice(0, -1) : text;
      }
      from = this.rest.length;
      this.rest = Buffer.concat([this.rest, await this.more()]);
    }
  }

  /** A large value comes in many pieces: they are put together once. */
  async bytes(length: number): Promise<Buffer> {
    const pieces = [this.rest];
    for (let had = this.rest.length; had < length; ) {
      const piece = await this.more();
      pieces.push(piece);
      had += piece.length;
    }
    const all = pieces.length === 1 ? this.rest : Buffer.concat(pieces);
    this.rest = all.subarray(length);
    return all.subarray(0, length);
  }
}

/** Lines of a program, one after the other. */
export function lineReader(stream: Readable): { next(): Promise<string> } {
  const pieces = new Pieces(stream);
  return { next: () => pieces.line() };
}

/** A connection to a server over the input and output of a program. */
export class Connection {
  private readonly pieces: Pieces;

  constructor(
    private readonly input: Writable,
    output: Readable,
  ) {
    this.pieces = new Pieces(output);
  }

  /** @throws with the server's words */
  async ask(...args: readonly (string | Buffer | number)[]): Promise<Exclude<Reply, Error>> {
    await send(this.input, command(...args));
    return this.reply();
  }

  /** Many commands at once. The answers are read one by one, as they are asked for. */
  async *askAll(commands: readonly Buffer[]): AsyncGenerator<Exclude<Reply, Error>> {
    await send(this.input, Buffer.concat(commands));
    for (const _ of commands) yield await this.reply();
  }

  private async reply(): Promise<Exclude<Reply, Error>> {
    const reply = await this.read();
    if (reply instanceof Error) throw reply;
    return reply;
  }

  private async read(): Promise<Reply> {
    const line = await this.pieces.line();
    const [kind, rest] = [line[0], line.slice(1)];
    if (kind === '+') return Buffer.from(rest);
    if (kind === ':') return Number(rest);
    if (kind === '-') return new Error(rest);
    const length = Number(rest);
    if (kind === '$') return length < 0 ? null : Buffer.from((await this.pieces.bytes(length + 2)).subarray(0, length));
    if (kind !== '*') throw new Error(`no answer of Redis: ${line.slice(0, 80)}`);
    if (length < 0) return null;
    const all: Reply[] = [];
    for (let index = 0; index < length; index += 1) all.push(await this.read());
    return all;
  }
}

/** Waits while the other side does not take more. It resolves also where the other side has ended, which its exit status tells. */
export async function send(input: Writable, data: Buffer | string): Promise<void> {
  if (input.destroyed || input.write(data)) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      input.off('drain', done).off('close', done).off('error', done);
      resolve();
    };
    input.on('drain', done).on('close', done).on('error', done);
  });
}
