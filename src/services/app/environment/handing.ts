import { UserError } from '../../../core/errors.ts';
import { Secret } from '../../../core/secret.ts';
import { secretsIn } from '../../../core/secret-part.ts';
import type { SecretSpec } from '../../../stack/types.ts';
import { parseEnvFile } from './env-file.ts';
import { expand } from './expand.ts';
import type { ReferenceFacts } from './references.ts';
import { type AppSecrets, longForm } from './settings.ts';

const FOLDER = '/run/secrets';

/** The operator's variables as the application gets them. */
export interface Handed {
  /** What anybody may see. */
  environment: Record<string, string>;
  /** Variables that hold secrets, and their files: set inside the container, before the application starts. */
  inside: Record<string, string>;
  secrets: SecretSpec[];
}

/** What the settings say of variables. */
interface OwnVariables {
  env: Readonly<Record<string, string>>;
  /** Texts of environment files. */
  envFile: readonly Secret[];
  secrets: AppSecrets;
}

/** Of one process beside the first: its own variables come after those of `app`, and its secrets have names of their own. */
export interface Beside {
  /** Its key in `services`. */
  name: string;
  env: Readonly<Record<string, string>>;
  secrets: AppSecrets;
}

/** Variables of all files, those of a later one before those of an earlier one. */
function fromFiles(files: readonly Secret[]): Map<string, string> {
  const all = new Map<string, string>();
  for (const [index, file] of files.entries())
    for (const [name, value] of parseEnvFile(file.reveal(), `app.envFile.${index}`, all)) all.set(name, value);
  return all;
}

/** The variables that secrets of the settings are handed as. */
const namesOfSecrets = (secrets: AppSecrets): string[] =>
  Object.entries(secrets).map(([name, entry]) => (longForm(entry).as === 'file' ? `${name}_FILE` : name));

/**
 * Sorts variables by what they hold. A value with a password in it becomes a file of secrets: `NAME_FILE` names the file, any other name is
 * set inside the container, so that no answer of the engine shows it.
 * @param beside tables of one process, which come before those of `app`
 * @throws UserError INVALID_SETTINGS for an unknown reference, or a name that is given twice
 */
export function handVariables(own: OwnVariables, facts: ReferenceFacts, beside?: Beside): Handed {
  const handed: Handed = { environment: {}, inside: {}, secrets: [] };
  const before = beside ? [...Object.keys(beside.env), ...namesOfSecrets(beside.secrets)] : [];
  for (const [name, value] of fromFiles(own.envFile)) {
    if (Object.hasOwn(own.env, name) || [...namesOfSecrets(own.secrets), ...before].includes(name)) continue;
    handed.secrets.push({ name: `env-${name}`, source: { given: new Secret(value) } });
    hand(handed, name, `env-${name}`, 'env');
  }
  handTables(handed, own, facts, { setting: 'app', prefix: '', shared: [], before });
  if (beside) {
    const shared = Object.keys(own.secrets);
    handTables(handed, beside, facts, { setting: `services.${beside.name}`, prefix: `${beside.name}.`, shared, before: [] });
  }
  return handed;
}

/** Whose tables these are. */
interface Scope {
  setting: string;
  /** Before the names of its secrets. */
  prefix: string;
  /** Secrets of `app`, which its values may name too. */
  shared: readonly string[];
  /** Variables that another table says. */
  before: readonly string[];
}

function handTables(handed: Handed, { env, secrets }: Pick<OwnVariables, 'env' | 'secrets'>, facts: ReferenceFacts, scope: Scope): void {
  const { setting, prefix, shared, before } = scope;
  const named = (secret: string) => (Object.hasOwn(secrets, secret) ? `${prefix}${secret}` : secret);
  for (const [name, value] of Object.entries(env)) {
    if (before.includes(name)) continue;
    const parts = expand(value, `${setting}.env.${name}`, facts, [...Object.keys(secrets), ...shared], named);
    if (secretsIn(parts).length === 0) {
      handed.environment[name] = parts.join('');
      continue;
    }
    const secret = `${prefix}env-${name}`;
    handed.secrets.push({ name: secret, source: { parts } });
    hand(handed, name, secret, name.endsWith('_FILE') ? 'file' : 'env');
  }
  for (const [name, entry] of Object.entries(secrets)) {
    const { value, generate, as } = longForm(entry);
    const variable = as === 'file' ? `${name}_FILE` : name;
    if (before.includes(variable)) continue;
    if (Object.hasOwn(env, variable))
      throw new UserError(
        'INVALID_SETTINGS',
        `${setting}.secrets.${name} is handed as ${variable}, and ${setting}.env.${variable} says what that is`,
        'leave one of the two out',
      );
    handed.secrets.push({
      name: `${prefix}${name}`,
      source: value ? { given: value } : { generate: true, ...(generate && { bytes: generate }) },
    });
    hand(handed, variable, `${prefix}${name}`, as);
  }
}

function hand(handed: Handed, variable: string, secret: string, as: 'file' | 'env'): void {
  (as === 'file' ? handed.environment : handed.inside)[variable] = `${FOLDER}/${secret}`;
}

/** The same where nothing can set variables inside: each names a file. */
export function asFiles({ environment, inside, secrets }: Handed): Handed {
  const files = Object.entries(inside).map(([name, file]) => [`${name}_FILE`, file]);
  return { environment: { ...environment, ...Object.fromEntries(files) }, inside: {}, secrets };
}
