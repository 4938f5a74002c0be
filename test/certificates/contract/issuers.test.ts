import { expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { issuerContract } from './issuer-contract.ts';

type Ca = { certificate: string; privateKey: string };
let kept: Ca | undefined;
const store = {
  load: () => kept,
  save: (ca: Ca) => {
    kept = ca;
  },
};

issuerContract('internal-ca', () => internalCa(store, 'test'));

it('keeps a new root before it signs with it', async () => {
  const full = {
    load: () => undefined,
    save: () => {
      throw new Error('disk full');
    },
  };
  await expect(internalCa(full, 'test').issue({ name: 'x', subjects: ['x'], issuer: 'internal-ca', days: 1 }, new Date())).rejects.toThrow(
    'disk full',
  );
});
