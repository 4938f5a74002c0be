import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const KEY = 'A'.repeat(42);

/** The programs of the container, in a folder in place of its own. */
function programs() {
  const dir = temporaryFolder('program');
  for (const name of ['bin', 'config', 'run', 'secrets']) mkdirSync(path.join(dir, name));
  const at = (...names: string[]) => path.join(dir, ...names);
  for (const name of ['vpn', 'vpn-common', 'vpn-openvpn']) {
    const text = readFileSync(path.join(HOME, 'templates/vpn/image', name), 'utf8');
    const moved = text.replaceAll('/etc/medianest/current', at('config')).replace('run=/run/vpn\n', `run=${at('run')}\n`);
    writeFileSync(
      at(name),
      moved.replaceAll('/run/secrets', at('secrets')).replaceAll('/run/vpn-known', at('known')).replaceAll('/run/openvpn', at('openvpn')),
      { mode: 0o755 },
    );
  }
  const run = (...args: string[]) =>
    promisify(execFile)('bash', [at('vpn'), ...args], { env: { ...process.env, PATH: `${at('bin')}:${process.env.PATH}` } });
  return { at, run };
}

it('The program of the VPN passes over no end that comes while it takes the peers', { timeout: 30_000 }, async () => {
  const { at, run } = programs();
  const end = Math.floor(Date.now() / 1000) + 6;
  // The kernel’s part needs rights that a test has not; it takes longer than the peer has.
  writeFileSync(at('bin/wg'), `#!/bin/sh\nwhile [ "$(date +%s)" -le ${end} ]; do sleep 0.1; done\n`, { mode: 0o755 });
  writeFileSync(at('bin/nft'), '#!/bin/sh\n', { mode: 0o755 });
  for (const name of ['vpn-private-key', 'vpn-preshared-phone']) writeFileSync(at('secrets', name), `${KEY}A`);
  writeFileSync(at('config/peers'), `${KEY}A= 10.60.144.128 ${end} phone\n`);
  await run('reload');
  expect(Math.floor(Date.now() / 1000)).toBeGreaterThan(end);
  expect(readFileSync(at('run/next-end'), 'utf8').trim()).toBe(String(end));
});

it('The program of OpenVPN takes all peers or none, and says who was in and may be no more', async () => {
  const { at, run } = programs();
  for (const name of ['nft', 'openvpn']) writeFileSync(at('bin', name), '#!/bin/sh\n', { mode: 0o755 });
  // A test may be no root, who alone becomes another user; the end-to-end test has the real one.
  writeFileSync(at('bin/setpriv'), '#!/bin/sh\nshift 5\nexec "$@"\n', { mode: 0o755 });
  mkdirSync(at('known'));
  writeFileSync(at('config/tunnel'), 'ENGINE=openvpn\nNETMASK=255.255.255.0\n');
  writeFileSync(at('secrets/vpn-openvpn'), '');
  const take = (text: string) => {
    writeFileSync(at('config/peers'), text);
    return run('reload');
  };
  const known = () => readFileSync(at('known/peers'), 'utf8');
  const [one, two] = [`${KEY}A= 10.60.144.128 - phone\n`, `${KEY}Q= 10.60.144.129 - laptop\n`];
  await take(one + two);
  expect(known()).toBe(one + two);
  // Cut short, in another form, or with a name that is a path: none of it counts.
  for (const bad of [one + two.slice(0, 30), `${one}x 0.0.0.0/0 - $(id)\n`, `${one}${KEY}Q= 10.60.144.129 - ../x\n`]) {
    await expect(take(bad)).rejects.toMatchObject({ stderr: expect.stringContaining('all stay as they are') });
    expect(known()).toBe(one + two);
  }
  const state = async () => (await run('state')).stdout.trim().split('\n');
  expect(await state()).toEqual([
    'engine openvpn',
    `peer ${KEY}A= (none) 10.60.144.128/32 0 0 0 no`,
    `peer ${KEY}Q= (none) 10.60.144.129/32 0 0 0 no`,
  ]);
  // Only lines of the form that `left` writes count, of files, for a peer; what that user has put there beside is left out.
  mkdirSync(at('openvpn'));
  const left = `198.19.5.2:4711 %s 1796051297 5 6 no`;
  writeFileSync(at('openvpn/phone'), `${left}\npeer ${KEY}A= (none) 0.0.0.0/0 0 0 0 yes\n`);
  writeFileSync(at('openvpn/laptop'), `${left.replace('no', 'yes')}\n`);
  writeFileSync(at('openvpn/stranger'), `${left}\n`);
  execFileSync('sh', ['-c', 'mkfifo "$1"', 'sh', at('openvpn/pipe')]);
  expect(await state()).toEqual([
    'engine openvpn',
    `peer ${KEY}A= 198.19.5.2:4711 10.60.144.128/32 1796051297 5 6 no`,
    `peer ${KEY}Q= (none) 10.60.144.129/32 ? ? ? no`,
  ]);
  // What cannot be read says nothing: not that a peer was never in.
  rmSync(at('openvpn/laptop'));
  const other = async () => (await state())[2];
  expect(await other()).toBe(`peer ${KEY}Q= (none) 10.60.144.129/32 0 0 0 no`);
  writeFileSync(at('bin/ls'), '#!/bin/sh\nexit 2\n', { mode: 0o755 });
  expect(await other()).toBe(`peer ${KEY}Q= (none) 10.60.144.129/32 ? ? ? no`);
  rmSync(at('bin/ls'));
  writeFileSync(at('bin/timeout'), '#!/bin/sh\nexit 124\n', { mode: 0o755 });
  expect((await state()).slice(1)).toEqual([
    `peer ${KEY}A= (none) 10.60.144.128/32 ? ? ? no`,
    `peer ${KEY}Q= (none) 10.60.144.129/32 ? ? ? no`,
  ]);
  rmSync(at('bin/timeout'));
  await take('');
  expect(known()).toBe('');
  expect(await state()).toEqual(['engine openvpn']);
});

it('The program of OpenVPN cuts off a connected peer whose end has come before the list with it', async () => {
  const { at, run } = programs();
  writeFileSync(at('bin/nft'), '#!/bin/sh\n', { mode: 0o755 });
  // What the management interface is asked; no engine of another program is.
  writeFileSync(at('bin/timeout'), `#!/bin/sh\necho "$4" >>${at('asked')}\necho 'SUCCESS: common name'\n`, { mode: 0o755 });
  mkdirSync(at('known'));
  writeFileSync(at('config/tunnel'), 'ENGINE=openvpn\nNETMASK=255.255.255.0\n');
  writeFileSync(at('secrets/vpn-openvpn'), '');
  writeFileSync(at('run/openvpn'), `${process.pid}\n`);
  const take = (end: number | '-') => {
    writeFileSync(at('config/peers'), `${KEY}A= 10.60.144.128 ${end} phone\n${KEY}Q= 10.60.144.129 - laptop\n`);
    return run('reload');
  };
  const now = Math.floor(Date.now() / 1000);
  await take('-');
  await take(now + 600);
  expect(existsSync(at('asked'))).toBe(false);
  await take(now - 1);
  expect(readFileSync(at('asked'), 'utf8')).toBe('kill phone\n');
});

it('The program of OpenVPN lets in who shows a known certificate under its own name, until its end', async () => {
  const { at, run } = programs();
  mkdirSync(at('known'));
  const digest = Buffer.alloc(32, 7);
  const colons = digest.toString('hex').replace(/..(?=.)/g, '$&:');
  writeFileSync(at('config/tunnel'), 'ENGINE=openvpn\nNETMASK=255.255.255.0\n');
  const peer = (end: number | '-') => writeFileSync(at('known/peers'), `${digest.toString('base64')} 10.60.144.128 ${end} phone\n`);
  const asked = (env: Record<string, string>, ...args: string[]) =>
    promisify(execFile)('bash', [at('vpn-openvpn'), ...args], { env: { ...process.env, ...env } }).then(
      () => true,
      () => false,
    );
  const shown = { tls_digest_sha256_0: colons, X509_0_CN: 'phone', common_name: 'phone' };
  const admits = (more: Record<string, string> = {}, depth = '0') => asked({ ...shown, ...more }, 'admits', depth, 'CN=phone');
  peer('-');
  expect([await admits(), await admits({}, '1')]).toEqual([true, true]);
  expect(await asked(shown, 'connects', at('answer'))).toBe(true);
  expect(readFileSync(at('answer'), 'utf8')).toBe('ifconfig-push 10.60.144.128 255.255.255.0\n');
  expect(await admits({ X509_0_CN: 'laptop' })).toBe(false);
  expect(await admits({ tls_digest_sha256_0: colons.replace('07', '08') })).toBe(false);
  const now = Math.floor(Date.now() / 1000);
  peer(now + 60);
  expect(await admits()).toBe(true);
  peer(now - 1);
  expect([await admits(), await asked(shown, 'connects', at('answer'))]).toEqual([false, false]);
  await expect(run('nonsense')).rejects.toMatchObject({ code: 1 });
});
