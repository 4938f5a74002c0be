import { createHash } from 'node:crypto';
import { UserError } from '../../core/errors.ts';

/** Without these, the rules are not there, or never refuse anything. */
export const NEEDED = ['rules/REQUEST-901-INITIALIZATION.conf', 'rules/REQUEST-949-BLOCKING-EVALUATION.conf', 'crs-setup.conf'];

/** An Include that matches no file is an error. */
const NO_PLUGINS = Object.fromEntries(['config', 'before', 'after'].map((kind) => [`plugins/empty-${kind}.conf`, '']));

/** Name in the container's folder -> text. */
export type RuleFiles = Record<string, string>;

/** What is taken of the CRS, and under which name; nothing else reaches the container. */
export function targetOf(name: string): string | undefined {
  if (name === 'crs-setup.conf' || name === 'crs-setup.conf.example') return 'crs-setup.conf';
  return /^(?:rules|plugins)\/[\w.-]+\.(?:conf|data)$/.test(name) ? name : undefined;
}

/** @throws UserError where these are no rules of the CRS */
export function checked(found: Record<string, Buffer>, where: string, hint: string): RuleFiles {
  const refused = (message: string, cause?: unknown) =>
    new UserError('INVALID_SETTINGS', `${message}; nothing was changed`, hint, { cause });
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

/** SHA-256 over names and texts, in hexadecimal. */
export function digestOf(files: RuleFiles): string {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(`${name}\0${files[name]?.length}\0${files[name]}`);
  return hash.digest('hex');
}

/** The folder of a copy: enough of the digest to be the only one. */
export const folderOf = (digest: string): string => digest.slice(0, 16);

export const versionIn = (text: string | undefined): string | undefined => /ver:'OWASP_CRS\/([\w.-]+)'/.exec(text ?? '')?.[1];
