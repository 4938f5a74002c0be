import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists, readOptional, writeFolder, writing } from '../../core/files.ts';
import type { RuleSet, WafSettings } from '../../services/edge/settings/waf.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { StateFolder } from '../../state/state.ts';
import { CRS, type CrsRelease } from '../plan/crs.ts';
import { download, fetchArchive, unpack } from './archive.ts';
import type { PendingRules } from './pending-rules.ts';
import { checked, digestOf, folderOf, type RuleFiles, targetOf, versionIn } from './rule-files.ts';
import { checkSignature, type SignatureSource, type SignatureState } from './signature.ts';

export const RULES_FOLDER = 'waf-rules';
const FIRST_FILE = 'rules/REQUEST-901-INITIALIZATION.conf';
const HINT = 'correct edge.waf.rules in medianest.yml';

export const wafOf = (loaded: Loaded): WafSettings | undefined => (loaded.settings.edge as { waf?: WafSettings } | undefined)?.waf;

/** Whether there is a WAF that reads rules at all. */
const hasWaf = (loaded: Loaded): boolean => loaded.settings.components.edge === true && (wafOf(loaded)?.mode ?? 'off') !== 'off';

/** The WAF as it is set up. @throws UserError where there is none, or it is off */
export function requireWaf(loaded: Loaded): WafSettings {
  const waf = wafOf(loaded);
  if (waf && hasWaf(loaded)) return waf;
  const where = `profile ${loaded.profile}`;
  if (loaded.settings.components.edge !== true)
    throw new UserError('NOT_RUNNING', `there is no WAF: ${where} runs no edge`, 'choose a profile with an edge: medianest profiles');
  const hint = 'set edge.waf.mode to detect or block in medianest.yml, then medianest up';
  throw new UserError('NOT_RUNNING', `the WAF is off (edge.waf.mode, ${where})`, hint);
}

interface FoundRules {
  rules: RuleSet;
  /** Has to be made first. */
  pending: PendingRules | undefined;
}

/** The rules that the WAF is to read: the operator's own, or the release that was fetched. Undefined where Debian's serve. */
export function findRules(loaded: Loaded, state: StateFolder): FoundRules | undefined {
  const waf = wafOf(loaded);
  if (!waf || !hasWaf(loaded)) return undefined;
  const { folder, archive, sha256, source } = waf.rules;
  if (!folder && !archive) return source === 'debian' ? undefined : fetchedRules(state);
  const from = folder && path.resolve(loaded.root, folder);
  const read = from ? readFolder(from) : undefined;
  const place = archive && !archive.startsWith('https://') ? path.resolve(loaded.root, archive) : archive;
  const name = folderOf(read ? digestOf(read) : (sha256 as string));
  const present = exists(state.at(RULES_FOLDER, name));
  return {
    rules: {
      folder: name,
      source: `./${RULES_FOLDER}`,
      label: from ? `a copy of ${from}` : `of the archive ${sha256}`,
      version: read ? versionIn(read[FIRST_FILE]) : versionOf(state, name),
      own: true,
    },
    pending: present ? undefined : { digest: name, folder: from, archive: place, sha256 },
  };
}

/** Whether Debian's rules serve because the pinned release was not fetched, and not because the settings say so. */
export function servesDebian(loaded: Loaded, state: StateFolder): boolean {
  return hasWaf(loaded) && wafOf(loaded)?.rules.source === 'newest' && findRules(loaded, state) === undefined;
}

/** The pinned release, if it was fetched. */
function fetchedRules(state: StateFolder, release: CrsRelease = CRS): FoundRules | undefined {
  const folder = folderOf(release.digest);
  if (!exists(state.at(RULES_FOLDER, folder))) return undefined;
  const label = `${release.version}, as it was released`;
  return { rules: { folder, source: `./${RULES_FOLDER}`, label, version: release.version, own: false }, pending: undefined };
}

const versionOf = (state: StateFolder, folder: string): string | undefined =>
  versionIn(readOptional(state.at(RULES_FOLDER, folder, FIRST_FILE)));

/** Reads, checks and copies them. Until the copy is whole it does not have its name. */
export async function placeRules(state: StateFolder, pending: PendingRules, signal: AbortSignal): Promise<void> {
  write(state, pending.digest, pending.folder ? readFolder(pending.folder) : unpack(await fetchArchive(pending, signal)).files);
}

export type Fetched = { result: 'present' } | { result: 'fetched'; signature: SignatureState };

/** Brings the pinned release into the state folder. Nothing is written unless it is that release, to the letter. */
export async function fetchRelease(
  state: StateFolder,
  { address, ...source }: { address: string } & SignatureSource,
  signal: AbortSignal,
  { release = CRS, ca }: { release?: CrsRelease; ca?: string } = {},
): Promise<Fetched> {
  const folder = folderOf(release.digest);
  if (exists(state.at(RULES_FOLDER, folder))) return { result: 'present' };
  const hint = 'name another source in edge.waf.rules.mirror; without it, Debian’s rules serve';
  const refused = (message: string) => new UserError('ARCHIVE_DAMAGED', `${message}; nothing was changed`, hint);
  const archive = await download(address, signal, hint, ca);
  const { files, commit } = unpack(archive, { name: `what ${address} sent`, hint });
  if (commit !== release.commit)
    throw refused(
      `${address} sent ${commit ? `commit ${commit}` : 'an archive without a commit'}, and ${release.version} is ${release.commit}`,
    );
  const digest = digestOf(files);
  if (digest !== release.digest)
    throw refused(`${address} sent rules with the SHA-256 ${digest}, and those of ${release.version} have ${release.digest}`);
  const signature = await checkSignature(archive, release, source, { signal, hint, ca });
  write(state, folder, files);
  return { result: 'fetched', signature };
}

function write(state: StateFolder, folder: string, files: RuleFiles): void {
  writing(state.root, () => mkdirSync(state.at(RULES_FOLDER), { recursive: true, mode: 0o755 }));
  writeFolder(
    state.at(RULES_FOLDER, folder),
    Object.entries(files).map(([name, contents]) => ({ path: name, contents, mode: 0o644 })),
  );
}

function readFolder(folder: string): RuleFiles {
  const list = (name: string): string[] => {
    try {
      return readdirSync(path.join(folder, name)).map((file) => path.posix.join(name, file));
    } catch (error) {
      if (name !== '' && systemCode(error) === 'ENOENT') return [];
      const message = `${path.join(folder, name)} cannot be read (${systemCode(error)}); nothing was changed`;
      throw new UserError('INVALID_SETTINGS', message, HINT, { cause: error });
    }
  };
  const names = [...list(''), ...list('rules'), ...list('plugins')].filter((name) => targetOf(name) !== undefined);
  return checked(Object.fromEntries(names.map((name) => [name, readFileSync(path.join(folder, name))])), folder, HINT);
}
