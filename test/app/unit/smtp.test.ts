import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, describe, expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { mailText, readSender } from '../../../templates/app/image/src/notify/message.js';
import { deliver } from '../../../templates/app/image/src/notify/smtp.js';

type Channel = Parameters<typeof deliver>[0];

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A certificate for the name `localhost`, and its CA. */
async function certificate() {
  let root: ReturnType<Parameters<typeof internalCa>[0]['load']>;
  const ca = internalCa({ load: () => root, save: (made) => (root = made) }, 'test');
  const issued = await ca.issue({ name: 'mail', subjects: ['localhost'], issuer: 'internal-ca', days: 9 }, new Date());
  return { cert: issued.certificate + issued.chain, key: issued.privateKey, ca: issued.root ?? '' };
}

/** A mail server as the world runs them, and what it has taken. */
async function mailServer(options: SMTPServerOptions = {}) {
  const mails: { text: string; from: string; to: string[]; user: string | undefined; secure: boolean }[] = [];
  const server = new SMTPServer({
    onAuth: ({ username, password }, _session, done) =>
      username === 'portal' && password === 'pa§§ word' ? done(null, { user: username }) : done(new Error('No')),
    onRcptTo: ({ address }, _session, done) => done(address.startsWith('unknown') ? new Error('No such box') : null),
    onData(stream, { envelope, user, secure }, done) {
      let text = '';
      stream
        .on('data', (chunk: Buffer) => (text += chunk))
        .on('end', () => {
          const from = envelope.mailFrom ? envelope.mailFrom.address : '';
          mails.push({ text, from, to: envelope.rcptTo.map(({ address }) => address), user, secure });
          done();
        });
    },
    ...options,
  });
  server.on('error', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise<void>((resolve) => server.close(resolve)));
  return { port: (server.server.address() as AddressInfo).port, mails };
}

/** A server that says what it is told to say. */
async function puppet(talk: (socket: Socket) => void) {
  const server = createServer((socket) => talk(socket.on('error', () => {}))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}

const FROM = { name: 'Médianest', address: 'medianest@example.org' };
const channel = (more: Partial<Channel>): Channel => ({
  host: 'localhost',
  port: 25,
  tls: 'none',
  from: FROM,
  user: undefined,
  password: undefined,
  ca: undefined,
  ...more,
});
const TEXT = '“Amélie” (2001) is available now.\n.\n..\nWatch it: https://app.plex.tv/x\n';
const text = mailText({ from: FROM, to: 'ana@example.org', subject: '“Amélie” '.repeat(12), text: TEXT, id: 'one', date: new Date(0) });
const send = (more: Partial<Channel>, to = 'ana@example.org') => deliver(channel(more), { from: FROM.address, to, text });

describe('a mail', () => {
  it('arrives as it was meant, by its head and its text', async () => {
    const { port, mails } = await mailServer({ authOptional: true });
    await send({ port });
    expect(mails).toMatchObject([{ from: 'medianest@example.org', to: ['ana@example.org'], secure: false }]);
    const [head = '', body = ''] = (mails[0]?.text ?? '').split('\r\n\r\n');
    expect(Buffer.from(body, 'base64').toString()).toBe(TEXT);
    const fields = head.replace(/\r\n /g, ' ').split('\r\n');
    expect(fields).toEqual(
      expect.arrayContaining([
        'To: ana@example.org',
        'Date: Thu, 01 Jan 1970 00:00:00 +0000',
        'Message-ID: <one@example.org>',
        'Auto-Submitted: auto-generated',
        `From: =?utf-8?B?${Buffer.from('Médianest').toString('base64')}?= <medianest@example.org>`,
      ]),
    );
    const subject = fields.find((field) => field.startsWith('Subject: ')) ?? '';
    const decoded = [...subject.matchAll(/=\?utf-8\?B\?([^?]+)\?=/g)].map(([, word = '']) => Buffer.from(word, 'base64').toString());
    expect(decoded.join('')).toBe('“Amélie” '.repeat(12));
    expect(Math.max(...head.split('\r\n').map(({ length }) => length))).toBeLessThanOrEqual(78);
  });

  it('cannot be given another line of its head by a title', () => {
    const mail = mailText({ from: FROM, to: 'a@b.c', subject: 'x\r\nBcc: d@e.f', text: 'x', id: 'x', date: new Date(0) });
    expect(mail).not.toMatch(/^Bcc/m);
  });

  it.each([
    ['a@b.example', { name: '', address: 'a@b.example' }],
    ['<a@b.example>', { name: '', address: 'a@b.example' }],
    ['Media Nest <a@b.example>', { name: 'Media Nest', address: 'a@b.example' }],
    ['"Nest, Media" <a@b.example>', { name: 'Nest, Media', address: 'a@b.example' }],
    ['no address', undefined],
    ['a@b.example\r\nBcc: c@d.example', undefined],
    ['a@b.example, c@d.example', undefined],
    ['ä@b.example', undefined],
  ])('is from %j', (given, sender) => {
    expect(readSender(given)).toEqual(sender);
  });
});

describe('a mail server', () => {
  it.each(['PLAIN', 'LOGIN'])('is spoken to by STARTTLS, and signed in to by %s', async (method) => {
    const { cert, key, ca } = await certificate();
    const { port, mails } = await mailServer({ cert, key, authMethods: [method] });
    await send({ port, tls: 'starttls', ca, user: 'portal', password: 'pa§§ word' });
    expect(mails).toMatchObject([{ user: 'portal', secure: true }]);
  });

  it('is spoken to by TLS from the start', async () => {
    const { cert, key, ca } = await certificate();
    const { port, mails } = await mailServer({ cert, key, secure: true, authOptional: true });
    await send({ port, tls: 'implicit', ca });
    expect(mails).toMatchObject([{ secure: true }]);
  });

  it('gets no password and no mail without the TLS that was asked for, or with a certificate of another', async () => {
    const { cert, key } = await certificate();
    const plain = await mailServer({ disabledCommands: ['STARTTLS'], authOptional: true });
    const foreign = await mailServer({ cert, key });
    const login = { tls: 'starttls', user: 'portal', password: 'pa§§ word' } as const;
    await expect(send({ port: plain.port, ...login })).rejects.toThrow('the mail server does not speak TLS as asked');
    await expect(send({ port: foreign.port, ...login })).rejects.toThrow('the mail server’s certificate is not trusted');
    expect([plain.mails, foreign.mails]).toEqual([[], []]);
  });

  it('says in words what it refuses', async () => {
    const { port } = await mailServer({ disabledCommands: ['STARTTLS'], authOptional: true, allowInsecureAuth: true });
    await expect(send({ port, user: 'portal', password: 'wrong' })).rejects.toThrow(/refuses the user or the password \(535\)/);
    await expect(send({ port }, 'unknown@example.org')).rejects.toThrow(/refuses the receiver \(550\)/);
    const nothing = await puppet((socket) => socket.end());
    await expect(send({ port: nothing.port })).rejects.toThrow('the mail server closed the connection');
    closing.splice(0).forEach((close) => void close());
    await expect(send({ port: nothing.port, host: '127.0.0.1' })).rejects.toThrow('nothing listens');
  });

  it('is believed nothing that came before the handshake', async () => {
    const { port } = await puppet((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (chunk) => {
        const said = chunk.toString();
        if (said.startsWith('EHLO')) socket.write('250-x\r\n250 STARTTLS\r\n');
        // An attacker on the way adds answers in plain text, for the time after a handshake that they cannot make.
        else if (said.startsWith('STARTTLS'))
          socket.write('220 go\r\n250-x\r\n250 AUTH PLAIN\r\n235 ok\r\n250 ok\r\n250 ok\r\n354 ok\r\n250 ok\r\n');
        else socket.end();
      });
    });
    await expect(send({ port, tls: 'starttls', user: 'portal', password: 'x' })).rejects.toThrow(
      /does not speak TLS there|cannot be reached|closed/,
    );
  });

  it('that answers without an end is left', async () => {
    const { port } = await puppet((socket) => socket.write(`220-${'x'.repeat(70_000)}`));
    await expect(send({ port })).rejects.toThrow('without an end');
  });
});
