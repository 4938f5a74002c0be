import path from 'node:path';
import { UserError } from '../../core/errors.ts';
import { readOptional } from '../../core/files.ts';
import type { AcmeSettings } from '../../settings/certificate-fields.ts';
import type { Loaded } from '../../settings/loaded.ts';

export const acmeSettings = (loaded: Loaded): AcmeSettings => loaded.settings.certificates.acme;

/** The root that verifies the ACME server's own HTTPS certificate, if it is not one of the system's. */
export function acmeRoot(loaded: Loaded): string | undefined {
  const { root } = acmeSettings(loaded);
  if (root === undefined) return undefined;
  const file = path.resolve(loaded.root, root);
  const text = readOptional(file);
  if (text?.includes('BEGIN CERTIFICATE')) return text;
  throw new UserError(
    'INVALID_SETTINGS',
    `certificates.acme.root: ${file} ${text === undefined ? 'does not exist' : 'contains no certificate in PEM'}`,
    'correct the path',
  );
}
