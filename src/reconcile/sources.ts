import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';
import path from 'node:path';
import { systemCode, UserError } from '../core/errors.ts';
import { MONITORING_FOLDER } from '../settings/own-folders.ts';

/** Every file below a folder, relative to it, sorted; what a Dockerfile's build does not see is left out. */
function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(path.join(folder, prefix), { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.posix.join(prefix, entry.name);
      return entry.isDirectory() ? filesBelow(folder, name) : [name];
    });
}

/** What is rendered of a component; the sources of its image are most of its folder. */
function templatesOf(folder: string): string[] {
  const names = readdirSync(folder);
  return ['compose.yml.hbs', 'config', 'rules.yml']
    .filter((name) => names.includes(name))
    .flatMap((name) => (name === 'config' ? filesBelow(folder, name) : [name]));
}

/** The templates of these components: path relative to `templates/` -> text. */
export function readTemplates(home: string, components: readonly string[]): Map<string, string> {
  const root = path.join(home, 'templates');
  return new Map(
    components.flatMap((component) =>
      templatesOf(path.join(root, component)).map((file): [string, string] => [
        `${component}/${file}`,
        readFileSync(path.join(root, component, file), 'utf8'),
      ]),
    ),
  );
}

/**
 * A hash over names, executable bits and contents of an image's source, so that an unchanged one is never rebuilt. Other modes
 * need no part in it: the Dockerfile sets them (`COPY --chmod`), whatever umask the source was written under.
 * @param context folder relative to the package, such as `templates/edge/image`
 */
export function hashImageSource(home: string, context: string): string {
  return hashFolder(path.join(home, context));
}

function hashFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesBelow(folder)) {
    const opened = openSync(`${folder}/${file}`, 'r');
    try {
      const { mode, size } = fstatSync(opened);
      const contents = readWhole(opened, size);
      hash.update(`${file}\0${mode & 0o111 ? 'x' : '-'}\0${contents.length}\0`).update(contents);
    } finally {
      closeSync(opened);
    }
  }
  return hash.digest('hex');
}

/** Mostly by one read: `readFileSync` looks at the file again, and reads until there is no more. */
function readWhole(file: number, size: number): Buffer {
  const contents = Buffer.allocUnsafe(size);
  const length = size > 0 ? readSync(file, contents, 0, size, 0) : 0;
  // It grew or shrank meanwhile.
  return length === size && size > 0 ? contents : readFileSync(file);
}

/** `disks.rules.yml` holds rules, `nas.scrape.yml` targets; `disks.test.yml` is for promtool, and left alone. */
const OWN = /^([a-z0-9][a-z0-9-]*)\.(rules|scrape)\.ya?ml$/;
const LEFT_ALONE = /\.test\.ya?ml$/;

/**
 * The operator's own rules and targets for Prometheus, from `monitoring/` beside medianest.yml.
 * @param root folder of medianest.yml
 * @returns file name for Prometheus (`rules-own-disks.yml`, `scrape-nas.yml`) -> text, by name; empty if there is no such folder
 * @throws UserError INVALID_SETTINGS for a YAML file that is neither; promtool checks what is in them
 */
export function readOwnRules(root: string): Map<string, string> {
  const folder = path.join(root, MONITORING_FOLDER);
  return new Map(
    namesIn(folder).flatMap((file): [string, string][] => {
      const shown = path.join(MONITORING_FOLDER, file);
      const [, name, kind] = OWN.exec(file) ?? [];
      if (!name) {
        if (!/\.ya?ml$/.test(file) || LEFT_ALONE.test(file)) return [];
        throw new UserError(
          'INVALID_SETTINGS',
          `${shown} is neither rules nor targets; nothing was changed`,
          'name it NAME.rules.yml or NAME.scrape.yml, NAME in small letters, digits and hyphens',
        );
      }
      const text = readFileSync(path.join(folder, file), 'utf8');
      return [[kind === 'rules' ? `rules-own-${name}.yml` : `scrape-${name}.yml`, text]];
    }),
  );
}

/** Longer than any list of rules that a host of this kind can hold in memory. */
const LONGEST_RULES = 8 * 1024 ** 2;

/**
 * The operator's own rules for Suricata: `NAME.rules` in `monitoring/` beside medianest.yml.
 * @param root folder of medianest.yml
 * @returns file name for Suricata (`own-NAME.rules`) -> text, by name
 * @throws UserError INVALID_SETTINGS for a name or length that cannot be used; Suricata checks what is in them
 */
export function readSuricataRules(root: string): Record<string, string> {
  const folder = path.join(root, MONITORING_FOLDER);
  const files = namesIn(folder).filter((file) => file.endsWith('.rules'));
  return Object.fromEntries(
    files.map((file) => {
      const shown = path.join(MONITORING_FOLDER, file);
      const wrong = (message: string, fix: string) => new UserError('INVALID_SETTINGS', `${shown} ${message}; nothing was changed`, fix);
      if (!/^[a-z0-9][a-z0-9-]*\.rules$/.test(file))
        throw wrong('has a name that cannot be used', 'name it NAME.rules, NAME in small letters, digits and hyphens');
      const text = readFileSync(path.join(folder, file), 'utf8');
      if (text.length > LONGEST_RULES) throw wrong(`has ${text.length} characters, and ${LONGEST_RULES} are the most`, 'split it');
      return [`own-${file}`, text];
    }),
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}
