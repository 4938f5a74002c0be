import * as z from 'zod';

/** Encryption of the data volumes (docs/encryption.md). */
export const storageSettings = z.strictObject({
  encrypt: z.boolean().default(false).describe('Puts the volumes of the stack into a folder that the kernel encrypts (fscrypt)'),
  path: z
    .string()
    .regex(/^\/(?!.*(?:^|\/)\.\.?(?:\/|$))[^\0]*[^/\0]$/, 'should be an absolute path without `..` and without a slash at its end')
    .default('/var/lib/medianest')
    .describe('Where that folder is, in one of the project’s name: on ext4 or f2fs with the feature `encrypt`'),
  unlock: z
    .enum(['file', 'passphrase', 'tpm'], 'should be file, passphrase or tpm')
    .default('file')
    .describe(
      'What opens the key of the data: a key file, which protects a disk that is taken without it, a passphrase, which `up` asks for after each start of the host, or the TPM 2.0 of this host. `medianest storage keys rotate` changes a key that is there',
    ),
  keyFile: z
    .string()
    .min(1)
    .optional()
    .describe('The key file, relative to medianest.yml; without it `encryption.key` in the state folder'),
  tpmPcrs: z
    .array(z.int().min(0).max(23))
    .default([])
    .describe(
      'TPM registers (PCRs, SHA-256 bank) whose values of now are needed to unlock, such as 7 for Secure Boot; none: any start of this host',
    ),
});
