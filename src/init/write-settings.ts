import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { exists, writeAtomic, writing } from '../core/files.ts';
import type { JsonObject } from '../core/json.ts';
import { listProfiles, loadInput, loadSettings } from '../project/load-settings.ts';
import { settingsJsonSchema } from '../settings/json-schema.ts';
import { SETTINGS_VERSION } from '../settings/migrations.ts';
import { stateFolder } from '../state/state.ts';
import { settingsText, withValue } from './plan/init.ts';

const SCHEMA = 'settings.schema.json';

/** Where the settings are to be written. @throws UserError where something is there already */
export function settingsFile(context: Context): string {
  const file = path.resolve(context.cwd, context.flags.config ?? 'medianest.yml');
  if (exists(file)) throw alreadyThere(file);
  return file;
}

const alreadyThere = (file: string): UserError =>
  new UserError(
    'ALREADY_THERE',
    `${file} is there already, and is not overwritten; nothing was changed`,
    'change it, or move it away first; medianest doctor checks this machine against it',
    { path: file },
  );

/** Writes the settings, secrets that were typed and the schema for editors; all of it, or nothing. */
export async function writeSettings(
  context: Context,
  file: string,
  answers: {
    settings: JsonObject;
    /** `file`: its name in the folder of secrets, where it is not made of the setting’s. */
    secrets: readonly { path: readonly string[]; value: string; file?: string }[];
    /** The command that writes them, where it is another one. */
    by?: string;
  },
): Promise<{ text: string; settings: JsonObject; secrets: string[] }> {
  const root = path.dirname(file);
  const input = await loadInput(context);
  const secrets = answers.secrets.map(({ path: setting, value, file: name }) => ({
    setting,
    value,
    file: path.join(root, 'secrets', name ?? setting.slice(1).join('-')),
  }));
  const settings = secrets.reduce<JsonObject>(
    (current, entry) => withValue(current, entry.setting, `file:${path.relative(root, entry.file)}`),
    {
      version: SETTINGS_VERSION,
      ...answers.settings,
    },
  );
  const state = stateFolder(context, root);
  const schema = settingsJsonSchema(
    input.registry,
    listProfiles(input).map(({ name }) => name),
  );
  const text = settingsText(
    settings,
    describer(schema),
    path.relative(root, state.at(SCHEMA)),
    Object.keys(schema.properties as object),
    answers.by,
  );
  if (context.flags.dryRun) return { text, settings, secrets: [] };
  const made: string[] = [];
  try {
    for (const entry of secrets) {
      writing(entry.file, () => mkdirSync(path.dirname(entry.file), { recursive: true, mode: 0o700 }), null);
      create(entry.file, `${entry.value}\n`, 0o600, made);
    }
    create(file, text, 0o644, made);
    loadSettings({ ...input, flags: { config: file, state: context.flags.state } });
  } catch (error) {
    // Only what this run has made.
    for (const name of made) rmSync(name, { force: true });
    throw error;
  }
  state.open();
  writeAtomic(state.at(SCHEMA), `${JSON.stringify(schema, null, 1)}\n`);
  return { text, settings, secrets: secrets.map((entry) => entry.file) };
}

/** A new file, even if another process creates one at the same moment. */
function create(file: string, contents: string, mode: number, made: string[]): void {
  const write = () => {
    try {
      writeFileSync(file, contents, { mode, flag: 'wx' });
    } catch (error) {
      throw systemCode(error) === 'EEXIST' ? alreadyThere(file) : error;
    }
  };
  writing(file, write, null);
  made.push(file);
}

interface Described {
  description?: string;
  properties?: Record<string, Described>;
  anyOf?: Described[];
}

/** What the schema says of a setting, by its path. */
const describer =
  (schema: JsonObject) =>
  (keys: readonly string[]): string | undefined =>
    keys.reduce<Described | undefined>(
      (node, key) => [node, ...(node?.anyOf ?? [])].map((entry) => entry?.properties?.[key]).find(Boolean),
      schema as Described,
    )?.description;
