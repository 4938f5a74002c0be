import { readdirSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { Secret } from '../../../src/core/secret.ts';
import type { DockerCli } from '../../../src/docker/compose.ts';
import { placeSecrets } from '../../../src/secrets/store/secret-files.ts';
import type { Service } from '../../../src/stack/types.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const cli = { run: async () => ({ exitCode: 0, tail: [] }) } as unknown as DockerCli;
const service = (names: readonly string[], reloadsSecrets: boolean) =>
  ({
    name: 'one',
    uid: process.getuid?.() ?? 0,
    image: { name: 'one', ref: 'one' },
    secrets: names.map((name) => ({ name, source: { generate: true } })),
    reloadsSecrets,
  }) as unknown as Service;

it.each([
  ['is gone from what reads its secrets again', true, ['a', 'c']],
  ['stays for a container that will be replaced', false, ['a', 'b', 'c']],
] as const)('a secret that a service is no longer given %s', async (_what, reloads, left) => {
  const state = new StateFolder(temporaryFolder('place'));
  const values = { a: new Secret('1'), b: new Secret('2'), c: new Secret('3') };
  await placeSecrets(state, service(['a', 'b'], reloads), values, {}, cli);
  await placeSecrets(state, service(['a', 'c'], reloads), values, {}, cli);
  expect(readdirSync(path.join(state.root, 'secrets/one')).sort()).toEqual(left);
});
