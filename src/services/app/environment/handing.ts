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
 * @throws UserError INVALID_SETTINGS for an unknown reference, or a name that is given twice
 */
export function handVariables(own: OwnVariables, facts: ReferenceFacts): Handed {
  const handed: Handed = { environment: {}, inside: {}, secrets: [] };
  for (const [name, value] of fromFiles(own.envFile)) {
    if (Object.hasOwn(own.env, name) || namesOfSecrets(own.secrets).includes(name)) continue;
    handed.secrets.push({ name: `env-${name}`, source: { given: new Secret(value) } });
    hand(handed, name, `env-${name}`, 'env');
  }
  for (const [name, value] of Object.entries(own.env)) {
    const parts = expand(value, `app.env.${name}`, facts, Object.keys(own.secrets));
    if (secretsIn(parts).length === 0) {
      handed.environment[name] = parts.join('');
      continue;
    }
    const secret = `env-${name}`;
    handed.secrets.push({ name: secret, source: { parts } });
    hand(handed, name, secret, name.endsWith('_FILE') ? 'file' : 'env');
  }
  for (const [name, entry] of Object.entries(own.secrets)) {
    const { value, generate, as } = longForm(entry);
    const variable = as === 'file' ? `${name}_FILE` : name;
    if (Object.hasOwn(own.env, variable))
      throw new UserError(
        'INVALID_SETTINGS',
        `app.secrets.${name} is handed as ${variable}, and app.env.${variable} says what that is`,
        'leave one of the two out',
      );
    handed.secrets.push({ name, source: value ? { given: value } : { generate: true, ...(generate && { bytes: generate }) } });
    hand(handed, variable, name, as);
  }
  return handed;
}

function hand(handed: Handed, variable: string, secret: string, as: 'file' | 'env'): void {
  (as === 'file' ? handed.environment : handed.inside)[variable] = `${FOLDER}/${secret}`;
}

/** The same where nothing can set variables inside: each names a file. */
export function asFiles({ environment, inside, secrets }: Handed): Handed {
  const files = Object.entries(inside).map(([name, file]) => [`${name}_FILE`, file]);
  return { environment: { ...environment, ...Object.fromEntries(files) }, inside: {}, secrets };
}
