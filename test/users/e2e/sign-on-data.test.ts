import { Agent, request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type SmallDisk, smallDisk } from '../../support/engine/small-disk.ts';
import { PASSWORDS, type SignOnStack, signOnStack } from '../../support/sign-on/sign-on-stack.ts';
import type { Visitor } from '../../support/sign-on/visitor.ts';
import { containers, parsed, until } from '../../support/stack.ts';
import { removeProject } from '../../support/workspace.ts';

// What sign-on keeps, and what the portal believes: a forger in its network, a new certificate, backups, and a disk that is full.

let stack: SignOnStack;
let disk: SmallDisk;

beforeAll(async () => {
  stack = await signOnStack('sign-on-data', { app: { tls: false }, edge: { login: { perMinute: 5000, burst: 1000 } } }, async (space) => {
    disk = await smallDisk(space, 'postgres-data', 10_002, 420);
  });
  await stack.invite('bob', PASSWORDS.bob, '--groups', 'operator');
  const bob = stack.visitor();
  await bob.signIn('bob', PASSWORDS.bob);
  stack.secrets.bob = await bob.registerTotp(Date.now);
});
afterAll(async () => {
  if (stack) await removeProject(`${stack.space.project}-look`);
  await stack?.space.destroy();
  await disk?.remove();
});

const me = async (one: Visitor) => (await one.ask('/api/me', { headers: { accept: 'application/json' } })).json();

test('a container in the application’s network that says who is signed in is not believed', async () => {
  const bob = await stack.signedIn('bob');
  expect(await me(bob)).toMatchObject({ role: 'operator', mfa: true });
  const claims = { sub: 'admin', groups: ['admin'], mfa: true, aud: 'localhost', iat: 1, exp: 4e9 };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const lies = [
    {},
    { 'remote-user': 'admin', 'remote-groups': 'admin' },
    { 'x-medianest-assertion': `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.` },
    { 'x-medianest-assertion': `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.${'A'.repeat(43)}` },
  ];
  const asked = `Promise.all(${JSON.stringify(lies)}.map((headers) => fetch('http://app-1:3000/api/people', { headers })
    .then((answer) => answer.status))).then((all) => console.log(JSON.stringify(all)))`;
  const { stdout, stderr } = await docker(['exec', `${stack.space.project}-app-1-1`, 'node', '-e', asked]);
  expect([stdout.trim(), stderr]).toEqual(['[401,401,401,401]', '']);
});

test('a tab that is open stays signed in over a renewal of the certificate', async () => {
  const bob = await stack.signedIn('bob');
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = () =>
    new Promise<{ status: number | undefined; serial: string; port: number | undefined }>((resolve, reject) => {
      const cookie = [...bob.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const where = { host: '127.0.0.1', port: stack.space.httpsPort, servername: 'localhost', path: '/api/me', rejectUnauthorized: false };
      const headers = { host: `localhost:${stack.space.httpsPort}`, accept: 'application/json', cookie };
      const sent = request({ ...where, agent, headers }, (answer) => {
        const socket = answer.socket as TLSSocket;
        const seen = { status: answer.statusCode, serial: socket.getPeerCertificate().serialNumber, port: socket.localPort };
        answer.resume().on('end', () => resolve(seen));
      });
      sent.on('error', reject);
      sent.end();
    });
  const before = await ask();
  expect([(await ask()).port, before.status]).toEqual([before.port, 200]);
  expect((await stack.space.run(['certs', 'renew', '--force'])).status).toBe(0);
  const after = await ask();
  expect([after.status, after.serial === before.serial]).toEqual([200, false]);
  agent.destroy();
});

test('a restore brings a removed user back with the factor, and a preview lets nobody in', { timeout: 480_000 }, async () => {
  expect((await stack.space.run(['backup'])).status).toBe(0);
  const [{ id } = { id: '' }] = parsed<{ backups: { id: string }[] }>(await stack.space.run(['backup', 'list', '--json'])).backups;
  expect((await stack.space.run(['users', 'remove', 'bob'])).status).toBe(0);
  expect((await (await stack.visitor().signIn('bob', PASSWORDS.bob)).headers.location) ?? '').not.toContain('2f');

  const preview = `${stack.space.project}-look`;
  const shown = await stack.space.run(['restore', id, '--into', preview, '--json']);
  expect(shown.status, `${shown.stdout}${shown.stderr}`).toBe(0);
  const there = await containers(preview);
  expect(there.map(({ service }) => service)).toEqual(expect.not.arrayContaining(['sign-on', 'edge']));
  const { stdout } = await docker(['inspect', '--format', '{{json .HostConfig.PortBindings}}', ...there.map((each) => each.id)]);
  expect(new Set(stdout.trim().split('\n'))).toEqual(new Set(['{}']));
  expect((await stack.space.run(['preview', 'remove', preview])).status).toBe(0);

  const restored = await stack.space.run(['restore', id, '--yes', '--json']);
  expect(restored.status, `${restored.stdout}${restored.stderr}`).toBe(0);
  const { users } = parsed<{ users: { login: string; factors: string[] }[] }>(await stack.space.run(['users', 'list', '--json']));
  expect(users).toMatchObject([{ login: 'admin' }, { login: 'bob', factors: ['totp'] }]);
  await until('bob signs in', async () => (await me(await stack.signedIn('bob'))).mfa === true, 60);
});

test('while the database’s disk is full, those who are signed in stay so, and it opens for nobody', async () => {
  const bob = await stack.signedIn('bob');
  expect((await bob.ask('/')).status).toBe(200);
  await disk.fill();
  await disk.useUpWal('postgres');
  expect((await bob.ask('/')).status).toBe(200);
  const guess = stack.visitor();
  await guess.signIn('bob', 'not the password of bob');
  expect([302, 503]).toContain((await guess.ask('/')).status);
  const half = stack.visitor();
  await half.signIn('bob', PASSWORDS.bob);
  expect([302, 503]).toContain((await half.ask('/')).status);
  expect((await stack.visitor().ask('/')).status).toBe(302);
  await disk.free();
  await until('sign-in works again', async () => (await me(await stack.signedIn('bob'))).mfa === true, 90);
});
