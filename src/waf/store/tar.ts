const BLOCK = 512;

export interface TarEntry {
  /** As written in the archive. */
  path: string;
  kind: 'file' | 'folder' | 'other';
  contents: Buffer;
}

const text = (block: Buffer, from: number, length: number): string => block.toString('utf8', from, from + length).replace(/\0.*$/s, '');

/** A field of an extended header (POSIX pax): lines such as `21 path=rules/a.conf`. */
const paxField = (contents: Buffer, field: 'path' | 'comment'): string | undefined =>
  new RegExp(`(?:^|\\n)\\d+ ${field}=([^\\n]*)\\n`).exec(contents.toString('utf8'))?.[1];

/** A tar archive that was unzipped already, with the comment of its global header, where `git archive` writes the commit; nothing is written. @throws Error where it is none, or ends too early */
export function readTar(archive: Buffer): { entries: TarEntry[]; comment: string | undefined } {
  const entries: TarEntry[] = [];
  let name: string | undefined;
  let comment: string | undefined;
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header.every((byte) => byte === 0)) break;
    const size = Number.parseInt(text(header, 124, 12).trim(), 8);
    if (text(header, 257, 5) !== 'ustar' || !(size >= 0) || at + BLOCK + size > archive.length) throw new Error('is no whole tar archive');
    const contents = archive.subarray(at + BLOCK, at + BLOCK + size);
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    const type = String.fromCharCode(header[156] ?? 0);
    if (type === 'x') name = paxField(contents, 'path');
    else if (type === 'g') comment ??= paxField(contents, 'comment');
    else if (type === 'L') name = contents.toString('utf8').replace(/\0.*$/s, '');
    if ('xgLK'.includes(type)) continue;
    const prefix = text(header, 345, 155);
    const kind = type === '0' || type === '\0' ? 'file' : type === '5' ? 'folder' : 'other';
    entries.push({ path: name ?? (prefix ? `${prefix}/` : '') + text(header, 0, 100), kind, contents });
    name = undefined;
  }
  return { entries, comment };
}
