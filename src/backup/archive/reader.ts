import { createHash, type Hash } from 'node:crypto';
import { UserError } from '../../core/errors.ts';
import { nameProblem } from '../plan/set-archive.ts';

const BLOCK = 512;
/** What is kept of the archive while it is read: its list of sums, and small texts. */
const KEPT: Readonly<Record<string, number>> = { SHA256SUMS: 256 * 1024 ** 2, 'RESTORE.txt': 64 * 1024, 'repository.id': 256 };

/** What an archive of a set says of itself. */
export interface ArchiveFacts {
  /** Which repository it is of. */
  repository: string;
  recipe: string;
  files: number;
  bytes: number;
  sha256: string;
}

interface Entry {
  name: string;
  left: number;
  padding: number;
  hash: Hash;
  kept: Buffer[] | undefined;
}

/**
 * Reads an archive from its beginning to its end: every byte of it is compared with the sums that it begins with, or has to be
 * zero. Nothing is written; names that could lead anywhere else, links and devices are refused.
 * @param forward is given each piece before it was looked at
 * @throws UserError ARCHIVE_DAMAGED
 */
export async function readSetArchive(
  file: string,
  source: AsyncIterable<Buffer>,
  forward: (piece: Buffer) => Promise<void> = async () => {},
): Promise<ArchiveFacts> {
  const whole = createHash('sha256');
  const texts: Record<string, string> = {};
  let sums: Map<string, string> | undefined;
  let [files, bytes, ended] = [0, 0, 0];
  let rest: Buffer = Buffer.alloc(0);
  let entry: Entry | undefined;
  const damaged = (why: string) => archiveDamaged(file, why);

  const begin = (header: Buffer): Entry => {
    const { name, size, type } = readHeader(header) ?? fail(damaged('a header in it is damaged'));
    const problem = type === '0' || type === '\0' ? nameProblem(name) : 'is no ordinary file';
    if (problem) throw damaged(`${JSON.stringify(name.slice(0, 200))} in it ${problem}`);
    if (sums === undefined && name !== 'SHA256SUMS') throw damaged('it does not begin with its list of sums');
    const limit = KEPT[name];
    if (limit !== undefined && size > limit) throw damaged(`${name} in it is too large`);
    const padding = (BLOCK - (size % BLOCK)) % BLOCK;
    return { name, left: size, padding, hash: createHash('sha256'), kept: limit === undefined ? undefined : [] };
  };
  const end = ({ name, hash, kept }: Entry): void => {
    if (kept) texts[name] = Buffer.concat(kept).toString('utf8');
    if (sums === undefined) {
      sums = readSums(texts.SHA256SUMS ?? '') ?? fail(damaged('its list of sums is damaged'));
      return;
    }
    const sum = sums.get(name);
    if (sum === undefined) throw damaged(`${name} in it is not in its list of sums, or is there twice`);
    if (sum !== hash.digest('hex')) throw damaged(`${name} in it is not what was written`);
    sums.delete(name);
    files += 1;
  };

  for await (const piece of source) {
    await forward(piece);
    whole.update(piece);
    bytes += piece.length;
    const data = rest.length > 0 ? Buffer.concat([rest, piece]) : piece;
    let at = 0;
    for (;;) {
      if (entry) {
        const body = data.subarray(at, at + entry.left);
        entry.hash.update(body);
        entry.kept?.push(Buffer.from(body));
        entry.left -= body.length;
        at += body.length;
        if (entry.left > 0) break;
        const padding = data.subarray(at, at + entry.padding);
        if (!isZero(padding)) throw damaged('there is something between its files');
        entry.padding -= padding.length;
        at += padding.length;
        if (entry.padding > 0) break;
        end(entry);
        entry = undefined;
      }
      if (data.length - at < BLOCK) break;
      const header = data.subarray(at, at + BLOCK);
      at += BLOCK;
      if (isZero(header)) ended += 1;
      else if (ended > 0) throw damaged('there is something after its end');
      else entry = begin(header);
    }
    rest = data.subarray(at);
  }
  if (entry || rest.length > 0 || ended < 2) throw damaged('it ends too early');
  const [missing] = sums?.keys() ?? [];
  if (sums === undefined || missing !== undefined) throw damaged(`${missing ?? 'everything'} is missing in it`);
  const repository = texts['repository.id']?.trim();
  if (!repository) throw damaged('it does not say which repository it is of');
  return { repository, recipe: texts['RESTORE.txt'] ?? '', files, bytes, sha256: whole.digest('hex') };
}

export const archiveDamaged = (file: string, why: string): UserError =>
  new UserError(
    'ARCHIVE_DAMAGED',
    `${file} is no whole archive of a set: ${why}; nothing was changed`,
    'copy it again from where it is kept (sha256sum -c FILE.sha256 tells whether the copy is good), or take another archive',
  );

function fail(error: Error): never {
  throw error;
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

/** A header of POSIX ustar; undefined where it is none. */
function readHeader(header: Buffer): { name: string; size: number; type: string } | undefined {
  const text = (from: number, length: number) => header.toString('utf8', from, from + length).replace(/\0.*$/s, '');
  let sum = 0;
  for (const [index, byte] of header.entries()) sum += index >= 148 && index < 156 ? 32 : byte;
  const size = text(124, 12).trim();
  const [, stated] = /^([0-7]{6})\0 $/.exec(header.toString('latin1', 148, 156)) ?? [];
  if (text(257, 5) !== 'ustar' || Number.parseInt(stated ?? '', 8) !== sum || !/^[0-7]+$/.test(size)) return undefined;
  const prefix = text(345, 155);
  return {
    name: (prefix ? `${prefix}/` : '') + text(0, 100),
    size: Number.parseInt(size, 8),
    type: String.fromCharCode(header[156] ?? 0),
  };
}

/** As `sha256sum` writes them; undefined where that is something else. */
function readSums(text: string): Map<string, string> | undefined {
  const lines = text.split('\n').filter(Boolean);
  const pairs = lines.flatMap((line) => {
    const [, sum, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    return sum && name ? [[name, sum] as const] : [];
  });
  return pairs.length === lines.length && pairs.length > 0 ? new Map(pairs) : undefined;
}
