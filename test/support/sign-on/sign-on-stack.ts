import { expect } from 'vitest';
import { parsed } from '../stack.ts';
import { type Workspace, workspace } from '../workspace.ts';
import { unusedTotp, Visitor } from './visitor.ts';

/** An application that repeats what it is told, and greets by WebSocket. */
const ECHO = `
const server = require('node:http').createServer((req, res) => {
  let bytes = 0;
  req.on('data', (part) => { bytes += part.length; });
  req.on('end', () => {
    res.writeHead(req.url.startsWith('/own401') ? 401 : 200, { 'content-type': 'application/json' });
    res.end(JSON.stringify({ url: req.url, method: req.method, bytes, headers: req.headers }));
  });
});
server.on('upgrade', (req, socket) => {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade', 'X-Seen-User: ' + req.headers['remote-user'], '', ''];
  socket.end(lines.join(String.fromCharCode(13, 10)));
});
server.listen(3000);
`;

export const PASSWORDS = { admin: 'correct horse battery', bob: 'another good password', carol: 'a third one that is long' };
export type Person = keyof typeof PASSWORDS;

export const tokenOf = (link: string): string => new URL(link).searchParams.get('token') as string;
export const base64 = (url: string): string => Buffer.from(url).toString('base64');

/** A stack with sign-on in front of an application that repeats what it is told. */
export interface SignOnStack {
  space: Workspace;
  /** What the first `up` printed. */
  invitation: { login: string; link: string };
  /** Secrets of authenticator apps, by user. */
  secrets: Partial<Record<Person, string>>;
  /** The container of the identity provider. */
  container: string;
  /** Where the portal is, without a / at its end. */
  url: string;
  visitor(): Visitor;
  /** Signed in, with a code if the user has an authenticator app. */
  signedIn(user: Person): Promise<Visitor>;
  /** The first admin, signed in: with the invitation of the first `up`, a password and an authenticator app. */
  firstAdmin(): Promise<Visitor>;
  /** What the application was told by a request that it must have got. */
  told(one: Visitor, where: string, headers?: Record<string, string>): Promise<Record<string, string>>;
  /** Invites somebody, who sets a password. */
  invite(user: string, password: string, ...options: string[]): Promise<void>;
}

/** @param name short and unique among the tests @param settings over the usual ones, whole keys @param before the first `up` */
export async function signOnStack(
  name: string,
  settings: Record<string, Record<string, unknown> | string> = {},
  before?: (space: Workspace) => Promise<unknown>,
): Promise<SignOnStack> {
  const space = await workspace(name);
  space.configure({
    profile: 'dev-compose',
    components: { 'sign-on': true },
    app: { command: ['node', '-e', ECHO], tls: false },
    edge: {
      // One address plays many visitors.
      login: { perMinute: 5000, burst: 1000 },
      waf: { mode: 'block' },
      access: [
        { paths: ['/share/'], roles: ['everyone'] },
        { paths: ['/admin'], roles: ['admin'] },
        { paths: ['/strict'], roles: ['member'], mfa: true },
      ],
    },
    signOn: { graceMinutes: 1 },
    ...settings,
  });
  await before?.(space);
  const up = await space.run(['up', '--json']);
  expect([up.status, up.status === 0 ? '' : `${up.stdout}${up.stderr}`]).toEqual([0, '']);
  const stack: SignOnStack = {
    space,
    ...parsed<Pick<SignOnStack, 'invitation'>>(up),
    secrets: {},
    container: `${space.project}-sign-on-1`,
    url: `https://localhost:${space.httpsPort}`,
    visitor: () => new Visitor({ address: '127.0.0.1', port: space.httpsPort }, 'localhost'),
    signedIn: async (user) => {
      const one = stack.visitor();
      const page = await one.signIn(user, PASSWORDS[user]);
      const secret = stack.secrets[user];
      if (secret) await one.enter(page, await unusedTotp(secret));
      return one;
    },
    firstAdmin: async () => {
      const one = stack.visitor();
      await one.accept(tokenOf(stack.invitation.link), PASSWORDS.admin);
      await one.signIn('admin', PASSWORDS.admin);
      stack.secrets.admin = await one.registerTotp(Date.now);
      return stack.signedIn('admin');
    },
    told: async (one, where, headers = {}) => {
      const answer = await one.ask(where, { headers });
      expect([where, answer.status]).toEqual([where, 200]);
      return answer.json<{ headers: Record<string, string> }>().headers;
    },
    invite: async (user, password, ...options) => {
      const { link } = parsed<{ link: string }>(await space.run(['users', 'invite', user, ...options, '--json']));
      expect((await stack.visitor().accept(tokenOf(link), password)).text).toContain('Your password is set');
    },
  };
  return stack;
}
