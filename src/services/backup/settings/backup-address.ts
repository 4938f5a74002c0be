import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import type { CertificateSpec } from '../../../stack/types.ts';
import type { backupSettings } from './backup-settings.ts';

/** The backup's settings, without the backup: it builds upon the database. */
const BACKUP = { name: 'backup', key: 'backup' } as ServiceDefinition<typeof backupSettings>;

/** It serves by it, and proves by it who it is; the database's members use it too when they call the repository. */
export const BACKUP_CERTIFICATE: CertificateSpec = {
  name: 'backup',
  subjects: ['backup', 'localhost', '127.0.0.1'],
  issuer: 'internal-ca',
  client: true,
  named: true,
  days: 90,
};

/** What the database has to know of its backup; undefined where there is none. */
export function archiving(input: BuildInput): { archiveSeconds: number; maxWalQueue: number } | undefined {
  return input.enabled(BACKUP.name) ? input.settingsOf(BACKUP) : undefined;
}
