import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import https from 'node:https';
import { gunzipSync } from 'node:zlib';
import { systemCode, UserError } from '../../core/errors.ts';
import type { PendingRules } from './pending-rules.ts';
import { checked, NEEDED, type RuleFiles, targetOf } from './rule-files.ts';
import { readTar } from './tar.ts';

const LARGEST_ARCHIVE = 32 * 1024 ** 2;
const LARGEST_UNPACKED = 128 * 1024 ** 2;
const DOWNLOAD_SECONDS = 60;
const MOST_REDIRECTS = 5;

/** How an archive is called in messages, and what to do about one that is no good. */
export interface ArchiveName {
  name: string;
  hint: string;
}

const OWN: ArchiveName = { name: 'the archive of edge.waf.rules', hint: 'correct edge.waf.rules in medianest.yml' };

const refused = (message: string, hint: string, cause?: unknown): UserError =>
  new UserError('INVALID_SETTINGS', `${message}; nothing was changed`, hint, { cause });

/** The rules in an archive, and the commit that it says it is of. */
export function unpack(archive: Buffer, { name, hint }: ArchiveName = OWN): { files: RuleFiles; commit: string | undefined } {
  let read: ReturnType<typeof readTar>;
  try {
    read = readTar(gunzipSync(archive, { maxOutputLength: LARGEST_UNPACKED }));
  } catch (error) {
    throw refused(`${name} cannot be unpacked: it is damaged, too large, or no .tar.gz`, hint, error);
  }
  const { entries, comment } = read;
  const outside = entries.find((entry) => entry.path.startsWith('/') || entry.path.split(/[\\/]/).includes('..'));
  if (outside) throw refused(`${name} wants to write outside its folder: ${JSON.stringify(outside.path)}`, hint);
  const first = entries.find((entry) => entry.path.endsWith(NEEDED[0] as string))?.path ?? '';
  const top = first.slice(0, -(NEEDED[0] as string).length);
  const inside = entries.filter((entry) => entry.path.startsWith(top)).map((entry) => ({ ...entry, path: entry.path.slice(top.length) }));
  const wanted = inside.filter((entry) => entry.kind !== 'folder' && targetOf(entry.path) !== undefined);
  const link = wanted.find((entry) => entry.kind === 'other');
  if (link) throw refused(`${name} has a link or a device where a file should be: ${link.path}`, hint);
  const files = checked(Object.fromEntries(wanted.map((entry) => [entry.path, entry.contents])), name, hint);
  return { files, commit: comment };
}

/** The operator's own archive, if it has the checksum that the settings say. */
export async function fetchArchive({ archive = '', sha256 }: PendingRules, signal: AbortSignal): Promise<Buffer> {
  const bytes = archive.startsWith('https://') ? await download(archive, signal, OWN.hint) : readArchive(archive);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) throw refused(`${archive} has the SHA-256 ${actual}, not ${sha256}`, OWN.hint);
  return bytes;
}

function readArchive(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw refused(`${file} cannot be read (${systemCode(error)})`, OWN.hint, error);
  }
}

/** Over HTTPS alone, wherever it is redirected to. @param ca of the server, instead of those that Node.js knows */
export async function download(address: string, signal: AbortSignal, hint: string, ca?: string): Promise<Buffer> {
  try {
    return await follow(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_SECONDS * 1000)]), ca });
  } catch (error) {
    signal.throwIfAborted();
    throw refused(`${address} cannot be downloaded: ${(error as Error).message || systemCode(error)}`, hint, error);
  }
}

interface Way {
  signal: AbortSignal;
  ca: string | undefined;
}

async function follow(address: string, way: Way): Promise<Buffer> {
  let at = address;
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    if (!at.startsWith('https://')) throw new Error(`it leads to ${at}, which is not https`);
    const response = await get(at, way);
    const { statusCode = 0, headers } = response;
    if (statusCode === 200) return whole(response);
    response.destroy();
    if (statusCode < 300 || statusCode >= 400 || !headers.location) throw new Error(`HTTP ${statusCode} from ${at}`);
    at = new URL(headers.location, at).href;
  }
  throw new Error(`more than ${MOST_REDIRECTS} redirects`);
}

const get = (address: string, { signal, ca }: Way): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    https.get(address, { signal, agent: false, ...(ca && { ca }) }, resolve).on('error', reject);
  });

/** An answer that ends too early is an error of the stream. */
async function whole(response: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > LARGEST_ARCHIVE) throw new Error(`larger than ${LARGEST_ARCHIVE} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts);
}
