import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../../capability/capability.ts';
import type { KitPart } from '../../capability/kit-part.ts';
import { UserError } from '../../core/errors.ts';
import { exists, readOptional, writeAtomic } from '../../core/files.ts';
import { MONITORING_FOLDER, PROFILES_FOLDER } from '../../settings/own-folders.ts';
import { type Kit, type KitContents, type KitNote, openKit, readKit, readKitNote, sealKit } from '../../state/kit-file.ts';
import { readSecretsFile } from '../../state/secrets-file.ts';
import type { StateFolder } from '../../state/state.ts';
import { readCatalogue } from '../repository/catalogue.ts';

/** What a bare host needs to read the repository, and to become the same installation again. Which sets there are the repository tells. */
const FILES = ['secrets.json', 'ca/root.json', 'ca/root.crt', 'subnets.json', 'orders.json', 'releases.json', 'compose.override.yml'];

/** What capabilities add to the kit, by their names. @throws UserError where one cannot be read: a kit without it would be no help */
export async function kitParts(context: Context, project: Project): Promise<Record<string, KitPart>> {
  const parts: [string, KitPart][] = [];
  for (const { name, kit } of await context.capabilities()) {
    const part = await kit?.(context, project);
    if (part) parts.push([name, part]);
  }
  return Object.fromEntries(parts);
}

/** Writes the recovery kit and a page to print beside it. @param passphrase without it the kit cannot be read */
export function exportKit(
  context: Context,
  { loaded, state }: Project,
  file: string,
  passphrase: string,
  parts: Readonly<Record<string, KitPart>> = {},
): { file: string; page: string } {
  if (passphrase.length < 12)
    throw new UserError(
      'USAGE',
      'the passphrase has fewer than 12 characters: the kit opens every backup',
      'choose a longer one, such as five random words',
    );
  if (!readSecretsFile(state))
    throw new UserError('NOT_RUNNING', 'nothing was started here yet, so there is no key to keep', 'medianest up');
  const page = `${file}.txt`;
  if (!isKitOf(loaded.settings.project, file)) refuseTaken(isPageOf(loaded.settings.project, page) ? [file] : [file, page]);
  const texts = FILES.map((name) => [name, readOptional(state.at(name))] as const);
  const contents: KitContents = {
    settingsName: loaded.configFile && path.basename(loaded.configFile),
    settings: loaded.configFile && readOptional(loaded.configFile),
    profiles: ownFiles(loaded.root, PROFILES_FOLDER),
    monitoring: ownFiles(loaded.root, MONITORING_FOLDER),
    secretFiles: secretFilesOf(loaded),
    repository: readCatalogue(state)?.repository,
    state: Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    parts: mapped(parts, ({ id, secret }) => ({ id, secret: secret.reveal() })),
  };
  const madeAt = context.clock.now().toISOString();
  const kit = sealKit(contents, passphrase, { project: loaded.settings.project, madeAt });
  writeAtomic(file, `${JSON.stringify(kit, null, 1)}\n`, 0o600, 'as FILE');
  writeAtomic(page, recipe(kit, path.basename(file)), 0o644, 'as FILE');
  const note: KitNote = { madeAt, secrets: secretsAge(state), parts: mapped(parts, ({ id }) => id) };
  // No secret is in it, and `status` of the folder's owner reads it where root has exported the kit.
  writeAtomic(state.at('kit.json'), `${JSON.stringify(note)}\n`);
  return { file, page };
}

/** A newer kit takes the place of an older one of the same project, and of nothing else. */
function isKitOf(project: string, file: string): boolean {
  try {
    return readKit(file).project === project;
  } catch (error) {
    if (error instanceof UserError && error.code === 'USAGE') return false;
    throw error;
  }
}

/** The page stays where a kit was moved away from. */
const isPageOf = (project: string, page: string): boolean => readOptional(page)?.startsWith(`${titleOf(project)}, made `) === true;

const titleOf = (project: string): string => `Recovery kit of the MediaNest installation "${project}"`;

function refuseTaken(files: readonly string[]): void {
  const taken = files.find(exists);
  if (taken === undefined) return;
  throw new UserError(
    'ALREADY_THERE',
    `${taken} is there already, and belongs to no kit of this project: it is not overwritten`,
    'choose another name',
  );
}

const mapped = <T>(parts: Readonly<Record<string, KitPart>>, change: (part: KitPart) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, change(part)]));

/** An operator's own, beside medianest.yml. */
function ownFiles(root: string, name: string): Record<string, string> {
  const folder = path.join(root, name);
  const files = exists(folder) ? readdirSync(folder).filter((file) => /\.(?:ya?ml|rules)$/.test(file)) : [];
  return Object.fromEntries(files.map((file) => [file, readFileSync(path.join(folder, file), 'utf8')]));
}

/** Beside medianest.yml, or anywhere else on the host. */
function secretFilesOf({ root, secretFiles }: Project['loaded']): Record<string, string> {
  const texts = secretFiles.map((name) => [name, readOptional(path.resolve(root, name))] as const);
  return Object.fromEntries(texts.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Changes whenever a secret does: an older kit does not contain it. */
const secretsAge = (state: StateFolder): string => {
  const values = readSecretsFile(state)?.values ?? {};
  return (
    Object.values(values)
      .map(({ since }) => since)
      .sort()
      .at(-1) ?? ''
  );
};

/** Why the kit has to be exported; undefined while it is good. */
export function kitProblem(state: StateFolder): string | undefined {
  const made = readKitNote(state);
  if (!made) return 'the recovery kit was never exported: without this host the backups could not be read (medianest backup kit FILE)';
  if (made.secrets < secretsAge(state))
    return `the recovery kit of ${made.madeAt.slice(0, 10)} is stale: secrets have changed since (medianest backup kit FILE)`;
  return undefined;
}

/**
 * Makes a bare folder the installation that the kit is of. What is there already is never replaced.
 * @returns its project, and when it was made; which repository holds its backups, undefined if none was made before the kit; the files of secrets that it
 * brought; and how to roll it back
 */
export function importKit(
  file: string,
  passphrase: string,
  folder: string,
  state: StateFolder,
): { project: string; madeAt: string; repository: string | undefined; secretFiles: string[]; rollBack(): void } {
  const kit = readKit(file);
  const contents = openKit(kit, passphrase, file);
  if (exists(state.at('secrets.json')))
    throw new UserError('FOREIGN_STATE', `${state.root} already contains an installation; nothing was changed`, 'use an empty folder');
  const made = exists(state.root) ? [] : [state.root];
  state.open();
  // Settings that name no project would take the folder's name, and the installation has another.
  state.noteProject(kit.project);
  for (const [name, value] of Object.entries(contents.state)) {
    // The names come from a file that another person may have written.
    if (!FILES.includes(name)) continue;
    mkdirSync(path.dirname(state.at(name)), { recursive: true, mode: 0o700 });
    writeAtomic(state.at(name), value, name.endsWith('.crt') ? 0o644 : 0o600);
  }
  const own = [PROFILES_FOLDER, MONITORING_FOLDER] as const;
  const files = own.flatMap((folder) =>
    Object.entries(contents[folder] ?? {}).map(([name, text]) => [path.join(folder, path.basename(name)), text] as const),
  );
  const bring = (name: string, text: string, mode?: number): string[] => {
    const file = path.resolve(folder, name);
    if (exists(file)) return [];
    const firstFolder = mkdirSync(path.dirname(file), { recursive: true, ...(mode && { mode: 0o700 }) });
    if (firstFolder) made.push(firstFolder);
    writeAtomic(file, text, mode, null);
    made.push(file);
    return [file];
  };
  const rollBack = () => {
    for (const entry of made) rmSync(entry, { recursive: true, force: true });
  };
  try {
    for (const [name, text] of [['medianest.yml', contents.settings] as const, ...files]) if (text !== undefined) bring(name, text);
    const secretFiles = Object.entries(contents.secretFiles ?? {}).flatMap(([name, text]) => bring(name, text, 0o600));
    return { project: kit.project, madeAt: kit.madeAt, repository: contents.repository, secretFiles, rollBack };
  } catch (error) {
    rollBack();
    throw error;
  }
}

const recipe = (kit: Kit, name: string): string => `${titleOf(kit.project)}, made ${kit.madeAt}.

Print this page. Keep it, the file ${name} and the passphrase in three places, none of them the host.

On a bare host with Docker and medianest:
  1. mount the disk of the repository, where the settings say that it is; where it is lost, a copy elsewhere does: then add --from COPY below
  2. medianest restore --kit ${name}     (in an empty folder; asks for the passphrase; everything
     that can be reached comes back: with --to a moment, or with \`latest\` the newest set as of its end)
  3. medianest health

If step 2 stops, correct what it names, then: medianest up, and medianest restore --to newest. Once data is being replaced, medianest
restore alone resumes it.

Without medianest: the kit is JSON; \`data\` is AES-256-GCM (iv, tag), its key is scrypt(passphrase, salt, N=65536, r=8, p=1, 32 bytes).
It contains secrets.json, whose backup-database-key is pgBackRest's repo1-cipher-pass, and backup-files-key is restic's password.
Where the key of encrypted data is sealed to a TPM, parts.storage is that key: medianest storage unlock --kit ${name}
`;
