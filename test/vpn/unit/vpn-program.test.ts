import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const KEY = 'A'.repeat(42);

it('The program of the VPN passes over no end that comes while it takes the peers', async () => {
  const dir = temporaryFolder('program');
  for (const name of ['bin', 'config', 'run', 'secrets']) mkdirSync(path.join(dir, name));
  const at = (...names: string[]) => path.join(dir, ...names);
  const text = readFileSync(path.join(HOME, 'templates/vpn/image/vpn'), 'utf8');
  writeFileSync(
    at('vpn'),
    text.replaceAll('/etc/medianest/current', at('config')).replaceAll('/run/vpn', at('run')).replaceAll('/run/secrets', at('secrets')),
  );
  // The kernel's part needs rights that a test has not; it takes longer than the peer has.
  writeFileSync(at('bin/wg'), '#!/bin/sh\nsleep 2\n', { mode: 0o755 });
  writeFileSync(at('bin/nft'), '#!/bin/sh\n', { mode: 0o755 });
  for (const name of ['vpn-private-key', 'vpn-preshared-phone']) writeFileSync(at('secrets', name), `${KEY}A`);
  const end = Math.floor(Date.now() / 1000) + 1;
  writeFileSync(at('config/peers'), `${KEY}A= 10.60.144.128 ${end} phone\n`);
  await promisify(execFile)('bash', [at('vpn'), 'reload'], { env: { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` } });
  expect(Math.floor(Date.now() / 1000)).toBeGreaterThan(end);
  expect(readFileSync(at('run/next-end'), 'utf8').trim()).toBe(String(end));
});
