import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists, writeFolder, writing } from '../../core/files.ts';
import type { RuleSet, WafSettings } from '../../services/edge/settings/waf.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { StateFolder } from '../../state/state.ts';
import type { PendingRules } from './pending-rules.ts';
import { readTar } from './tar.ts';

export const RULES_FOLDER = 'waf-rules';
const LARGEST_ARCHIVE = 32 * 1024 ** 2;
const LARGEST_UNPACKED = 128 * 1024 ** 2;
const DOWNLOAD_SECONDS = 60;

/** Without these, the rules are not there, or never refuse anything. */
const NEEDED = ['rules/REQUEST-901-INITIALIZATION.conf', 'rules/REQUEST-949-BLOCKING-EVALUATION.conf', 'crs-setup.conf'];

/** An Include that matches no file is an error. */
const NO_PLUGINS = Object.fromEntries(['config', 'before', 'after'].map((kind) => [`plugins/empty-${kind}.conf`, '']));

type RuleFiles = Record<string, string>;

export const wafOf = (loaded: Loaded): WafSettings | undefined => (loaded.settings.edge as { waf?: WafSettings } | undefined)?.waf;

const refused = (message: string, cause?: unknown): UserError =>
  new UserError('INVALID_SETTINGS', `${message}; nothing was changed`, 'correct edge.waf.rules in medianest.yml', { cause });

/** The WAF as it is set up. @throws UserError where there is none, or it is off */
export function requireWaf(loaded: Loaded): WafSettings {
  const waf = wafOf(loaded);
  if (waf && waf.mode !== 'off' && loaded.settings.components.edge === true) return waf;
  const where = `profile ${loaded.profile}`;
  if (loaded.settings.components.edge !== true)
    throw new UserError('NOT_RUNNING', `there is no WAF: ${where} runs no edge`, 'choose a profile with an edge: medianest profiles');
  const hint = 'set edge.waf.mode to detect or block in medianest.yml, then medianest up';
  throw new UserError('NOT_RUNNING', `the WAF is off (edge.waf.mode, ${where})`, hint);
}

/** The operator's rules as the settings name them: a copy in the state folder, by its contents, and whether it has to be made first. */
export function findRules(loaded: Loaded, state: StateFolder): { rules: RuleSet; pending: PendingRules | undefined } | undefined {
  const waf = wafOf(loaded);
  if (!waf || waf.mode === 'off' || loaded.settings.components.edge !== true) return undefined;
  const { folder, archive, sha256 } = waf.rules;
  if (!folder && !archive) return undefined;
  const source = folder && path.resolve(loaded.root, folder);
  const digest = source ? digestOf(readFolder(source)) : (sha256 as string).slice(0, 16);
  const place = archive && !archive.startsWith('https://') ? path.resolve(loaded.root, archive) : archive;
  return {
    rules: { folder: digest, source: `./${RULES_FOLDER}`, label: source ? `a copy of ${source}` : `of the archive ${sha256}` },
    pending: exists(state.at(RULES_FOLDER, digest)) ? undefined : { digest, folder: source, archive: place, sha256 },
  };
}

/** Reads, checks and copies them. Until the copy is whole it does not have its name. */
export async function placeRules(state: StateFolder, pending: PendingRules, signal: AbortSignal): Promise<void> {
  const files = pending.folder ? readFolder(pending.folder) : unpack(await fetchArchive(pending, signal));
  writing(state.root, () => mkdirSync(state.at(RULES_FOLDER), { recursive: true, mode: 0o755 }));
  writeFolder(
    state.at(RULES_FOLDER, pending.digest),
    Object.entries(files).map(([name, contents]) => ({ path: name, contents, mode: 0o644 })),
  );
}

function readFolder(folder: string): RuleFiles {
  const list = (name: string): string[] => {
    try {
      return readdirSync(path.join(folder, name)).map((file) => path.posix.join(name, file));
    } catch (error) {
      if (name !== '' && systemCode(error) === 'ENOENT') return [];
      throw refused(`${path.join(folder, name)} cannot be read (${systemCode(error)})`, error);
    }
  };
  const names = [...list(''), ...list('rules'), ...list('plugins')].filter((name) => targetOf(name) !== undefined);
  return checked(Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name))])), folder);
}

function unpack(archive: Buffer): RuleFiles {
  let entries: ReturnType<typeof readTar>;
  try {
    entries = readTar(gunzipSync(archive, { maxOutputLength: LARGEST_UNPACKED }));
  } catch (error) {
    throw refused('the archive of edge.waf.rules cannot be unpacked: it is damaged, too large, or no .tar.gz', error);
  }
  const outside = entries.find(({ path: name }) => name.startsWith('/') || name.split(/[\\/]/).includes('..'));
  if (outside) throw refused(`the archive of edge.waf.rules wants to write outside its folder: ${JSON.stringify(outside.path)}`);
  const first = entries.find(({ path: name }) => name.endsWith(NEEDED[0] as string))?.path ?? '';
  const top = first.slice(0, -(NEEDED[0] as string).length);
  const inside = entries
    .filter(({ path: name }) => name.startsWith(top))
    .map((entry) => ({ ...entry, path: entry.path.slice(top.length) }));
  const wanted = inside.filter((entry) => entry.kind !== 'folder' && targetOf(entry.path) !== undefined);
  const link = wanted.find((entry) => entry.kind === 'other');
  if (link) throw refused(`the archive of edge.waf.rules has a link or a device where a file should be: ${link.path}`);
  return checked(Object.fromEntries(wanted.map((entry) => [entry.path, entry.contents])), 'the archive of edge.waf.rules');
}

/** What is taken of the CRS, and under which name; nothing else reaches the container. */
function targetOf(name: string): string | undefined {
  if (name === 'crs-setup.conf' || name === 'crs-setup.conf.example') return 'crs-setup.conf';
  return /^(?:rules|plugins)\/[\w.-]+\.(?:conf|data)$/.test(name) ? name : undefined;
}

function checked(found: Record<string, Buffer>, where: string): RuleFiles {
  const files: RuleFiles = { ...NO_PLUGINS };
  // The operator's own crs-setup.conf comes after the example, and so wins.
  for (const name of Object.keys(found).sort().reverse()) {
    try {
      files[targetOf(name) as string] = new TextDecoder('utf-8', { fatal: true }).decode(found[name]);
    } catch (error) {
      throw refused(`${name} in ${where} is no text`, error);
    }
  }
  const missing = NEEDED.filter((name) => files[name] === undefined).map((name) => name.replace('setup.conf', 'setup.conf.example'));
  if (missing.length > 0) throw refused(`${where} is no OWASP CRS: ${missing.join(' and ')} missing`);
  return files;
}

function digestOf(files: RuleFiles): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(`${name}\0${files[name]?.length}\0${files[name]}`);
  return hash.digest('hex').slice(0, 16);
}

async function fetchArchive({ archive = '', sha256 }: PendingRules, signal: AbortSignal): Promise<Buffer> {
  const bytes = archive.startsWith('https://') ? await download(archive, signal) : readArchive(archive);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) throw refused(`${archive} has the SHA-256 ${actual}, not ${sha256}`);
  return bytes;
}

function readArchive(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw refused(`${file} cannot be read (${systemCode(error)})`, error);
  }
}

async function download(address: string, signal: AbortSignal): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    const response = await fetch(address, { signal: AbortSignal.any([signal, AbortSignal.timeout(DOWNLOAD_SECONDS * 1000)]) });
    if (!response.ok || !response.url.startsWith('https://')) throw new Error(`HTTP ${response.status} from ${response.url}`);
    for await (const part of response.body ?? []) {
      size += part.length;
      if (size > LARGEST_ARCHIVE) throw new Error(`larger than ${LARGEST_ARCHIVE} bytes`);
      parts.push(part);
    }
  } catch (error) {
    throw refused(`${address} cannot be downloaded: ${(error as Error).message}`, error);
  }
  return Buffer.concat(parts);
}
