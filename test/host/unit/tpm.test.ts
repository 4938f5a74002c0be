import { chmodSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test, vi } from 'vitest';
import { examineEncryptedData } from '../../../src/host/plan/encrypted-data.ts';
import type { DoctorFacts } from '../../../src/host/plan/facts.ts';
import { isProof, isSealed, readTpmFault, sortedPcrs, type TpmFault, tellTpmFault } from '../../../src/host/plan/tpm.ts';
import { lackingTpm } from '../../../src/host/tpm.ts';
import { temporaryFolder } from '../../support/temporary.ts';

// Recorded from tpm2-tools 5.4 with swtpm 0.7.1, the first from a host without a TPM.
test.each<[string, TpmFault]>([
  [
    'ERROR:tcti:src/tss2-tcti/tcti-device.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpmrm0: No such file or directory',
    'missing',
  ],
  [
    'ERROR:tcti:src/tss2-tcti/tcti-device.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpmrm0: Permission denied',
    'denied',
  ],
  ['ERROR: Could not load tcti, got: "swtpm:path=/run/socket"', 'silent'],
  [
    'ERROR:tcti:src/tss2-tcti/tcti-device.c:452:Tss2_Tcti_Device_Init() Failed to open specified TCTI device file /dev/tpmrm0: Device or resource busy',
    'silent',
  ],
  ['ERROR: Eys_Load(0x1DF) - tpm:parameter(1):integrity check failed', 'other'],
  ['ERROR: Esys_Unseal(0x99D) - tpm:session(1):a policy check failed', 'refuses'],
  [
    'ERROR: Esys_Unseal(0x921) - tpm:warn(2.0): authorizations for objects subject to DA protection are not allowed at this time because the TPM is in DA lockout mode',
    'lockout',
  ],
  ['ERROR: Esys_CreatePrimary(0x9A2) - tpm:session(1):authorization failure without DA implications', 'owned'],
  ['ERROR: Esys_CreatePrimary(0x101) - tpm:error(2.0): commands not being accepted because of a TPM failure', 'failed'],
  ['ERROR: Esys_Load(0x902) - tpm:warn(2.0): out of memory for object contexts', 'unknown'],
])('%s', (text, fault) => {
  expect(readTpmFault(text)).toBe(fault);
  const told = (['seal', 'unseal'] as const).map((work) => tellTpmFault(fault, work, text));
  expect(told.flatMap(({ message, remedy }) => [message, remedy]).every((words) => words.length > 10)).toBe(true);
  // A kit does not help where nothing is sealed to the TPM yet.
  expect(told[0]?.remedy).not.toContain('--kit');
});

test('only what the TPM itself says, or its absence, proves that it does not open the data', () => {
  const faults = [
    'no-program',
    'missing',
    'silent',
    'denied',
    'other',
    'refuses',
    'lockout',
    'owned',
    'failed',
    'slow',
    'unknown',
  ] as const;
  expect(faults.filter(isProof)).toEqual(['missing', 'other', 'refuses', 'owned']);
});

test('a program that cannot be started, or fails, is neither there nor missing', () => {
  const bin = temporaryFolder('tpm');
  vi.stubEnv('PATH', bin);
  expect(lackingTpm()).toBe('no-program');
  // May not be started; cannot load its library.
  for (const mode of [0o644, 0o755]) {
    writeFileSync(path.join(bin, 'tpm2_unseal'), '#!/bin/sh\nexit 127\n', { mode });
    chmodSync(path.join(bin, 'tpm2_unseal'), mode);
    expect(lackingTpm()).toBe('silent');
  }
  vi.unstubAllEnvs();
});

test('a blob from a file is bounded before a TPM is given it', () => {
  const sealed = { public: 'AE4ACAALAAAEEgAg', private: 'AJ4AIJpTHIo0b3QXNpuOpp0V', pcrs: [7] };
  expect(isSealed(sealed)).toBe(true);
  const bad = [{ pcrs: [24] }, { pcrs: ['7'] }, { pcrs: 7 }, { public: '$(reboot)' }, { private: 'A'.repeat(5000) }, { public: undefined }];
  for (const change of bad) expect(isSealed({ ...sealed, ...change })).toBe(false);
  expect([isSealed(null), isSealed('x')]).toEqual([false, false]);
  expect(sortedPcrs([11, 7, 11])).toEqual([7, 11]);
});

test.each<[TpmFault | undefined, string]>([
  [undefined, 'ok'],
  ['missing', 'fail'],
  ['no-program', 'fail'],
])('doctor tells where the TPM lacks %s', (lacksTpm, status) => {
  const support = { state: 'ready', message: '', remedy: '' };
  const host = { encrypted: { folder: '/srv/home', storage: undefined, support, lacksTpm } };
  expect(examineEncryptedData({ host } as unknown as DoctorFacts)).toMatchObject([{ id: 'encryption.volumes', status }]);
});
