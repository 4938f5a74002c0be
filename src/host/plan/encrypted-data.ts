import { type Examination, fail, ok, warn } from './finding.ts';
import { tellTpmFault } from './tpm.ts';

/** Whether the data can be encrypted where the settings want it, and where that takes nothing. */
export const examineEncryptedData: Examination = ({ host: { encrypted } }) => {
  if (!encrypted) return [];
  const { folder, storage: disk, support, lacksTpm } = encrypted;
  const id = 'encryption.volumes';
  const what = `the volumes (\`storage.path\`, ${folder})`;
  if (support.state !== 'ready') return [fail(id, `${what} cannot be encrypted: ${support.message}`, support.remedy)];
  if (lacksTpm) {
    const { message, remedy } = tellTpmFault(lacksTpm, 'seal', '');
    return [fail(id, `the key of ${what} cannot be sealed to the TPM: ${message}`, remedy)];
  }
  if (disk?.encryption.state === 'encrypted' && !disk.encryption.by.startsWith('fscrypt'))
    return [
      warn(
        id,
        `${what} are on a disk that is encrypted already (${disk.encryption.by}), and are encrypted twice`,
        'set `storage: { encrypt: false }`, if that disk is locked while the host is off',
      ),
    ];
  return [ok(id, `${what}: the file system ${disk?.point ?? ''} (${disk?.type ?? 'unknown'}) encrypts them`)];
};
