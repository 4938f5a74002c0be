import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { engineAddress } from '../../../src/docker/address.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-context-'));
afterAll(() => rmSync(folder, { recursive: true }));

const env = { DOCKER_CONFIG: folder, DOCKER_CONTEXT: 'far' };
const meta = path.join(folder, 'contexts/meta', createHash('sha256').update('far').digest('hex'), 'meta.json');

it('a Docker context says where the engine is', () => {
  mkdirSync(path.dirname(meta), { recursive: true });
  writeFileSync(meta, JSON.stringify({ Endpoints: { docker: { Host: 'unix:///run/far.sock' } } }));
  expect(engineAddress(env)).toMatchObject({ label: '/run/far.sock', local: true });
});

it('a Docker context that cannot be read is refused, and the local engine does not take its place', () => {
  writeFileSync(meta, '{"Endpoints"');
  expect(() => engineAddress(env)).toThrow(
    expect.objectContaining({
      code: 'ENGINE_AWAY',
      message: expect.stringContaining(`the Docker context far cannot be read: ${meta}`),
    }),
  );
});

it('a choice that cannot be read, or of a context that is not there, is refused likewise', () => {
  const config = path.join(folder, 'config.json');
  const chosen = { DOCKER_CONFIG: folder };
  expect(engineAddress(chosen).label).toBe('/var/run/docker.sock');
  writeFileSync(config, '\n');
  expect(engineAddress(chosen).label).toBe('/var/run/docker.sock');
  for (const [text, words] of [
    ['{"currentContext": "fa', /^which Docker context is chosen cannot be read: .*config\.json/],
    ['{"currentContext": "gone"}', /^there is no Docker context gone/],
  ] as const) {
    writeFileSync(config, text);
    expect(() => engineAddress(chosen)).toThrow(expect.objectContaining({ code: 'ENGINE_AWAY', message: expect.stringMatching(words) }));
    // DOCKER_HOST is asked first, as by docker itself.
    expect(engineAddress({ ...chosen, DOCKER_HOST: 'unix:///run/near.sock' }).label).toBe('/run/near.sock');
  }
  rmSync(config);
  mkdirSync(config);
  expect(() => engineAddress(chosen)).toThrow(expect.objectContaining({ code: 'ENGINE_AWAY', message: expect.stringContaining('EISDIR') }));
});
