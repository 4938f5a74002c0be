// @ts-check
import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';

/*
 * Hands one mail to a mail server: SMTP (RFC 5321) with STARTTLS (RFC 3207) and AUTH (RFC 4954). Nothing more is needed here, and
 * nodemailer has 280 kB.
 */

const SILENT_MS = 10_000;
const WHOLE_MS = 30_000;
const LONGEST_REPLY = 64 * 1024;

/** @typedef {{code: number, lines: string[]}} Reply */
/** @typedef {NonNullable<import('./channels.js').Channels['mail']>} Server */

/** The server refused a step, or could not be spoken to; its message is for a person. */
class SmtpError extends Error {}

/**
 * @param {Server} server
 * @param {{from: string, to: string, text: string}} mail addresses alone, and the whole message
 * @returns {Promise<void>} fails with an `SmtpError`
 */
export async function deliver(server, { from, to, text }) {
  const { host, port, tls, user, password = '' } = server;
  const secure = { host, port, ca: server.ca, ...(isIP(host) === 0 && { servername: host }) };
  let line = dialogue(tls === 'implicit' ? connectTls(secure) : connectPlain({ host, port }));
  const late = setTimeout(() => line.close(new SmtpError('the mail server is too slow')), WHOLE_MS);
  try {
    await line.expect(220, 'does not greet');
    let offers = await line.hello();
    if (tls === 'starttls') {
      if (offers('STARTTLS') === undefined) throw new SmtpError('the mail server does not speak TLS as asked');
      await line.say('STARTTLS', 220, 'does not speak TLS as asked');
      // What came before the handshake is not of the one that it proves.
      line = dialogue(connectTls({ ...secure, socket: line.release() }));
      offers = await line.hello();
    }
    if (user) await signIn(line, offers, user, password);
    await line.say(`MAIL FROM:<${from}>`, 250, 'refuses the sender');
    await line.say(`RCPT TO:<${to}>`, 250, 'refuses the receiver');
    await line.say('DATA', 354, 'takes no message');
    await line.say(`${text}.`, 250, 'refuses the message');
    await line.say('QUIT', 221, '').catch(() => {});
  } finally {
    clearTimeout(late);
    line.close();
  }
}

/** @param {ReturnType<typeof dialogue>} line @param {(word: string) => string | undefined} offers @param {string} user @param {string} password */
async function signIn(line, offers, user, password) {
  const refused = 'refuses the user or the password';
  const base64 = (/** @type {string} */ text) => Buffer.from(text, 'utf8').toString('base64');
  const methods = (offers('AUTH') ?? '').split(' ');
  if (methods.includes('PLAIN')) return line.say(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}`, 235, refused);
  if (!methods.includes('LOGIN')) throw new SmtpError('the mail server knows no way to sign in that we know');
  await line.say('AUTH LOGIN', 334, refused);
  await line.say(base64(user), 334, refused);
  return line.say(base64(password), 235, refused);
}

/** What is said and answered on a connection, one after the other. @param {import('node:net').Socket} socket */
function dialogue(socket) {
  let text = '';
  /** @type {Error | undefined} */
  let broken;
  let heard = () => {};
  const fail = (/** @type {Error} */ error) => {
    broken ??= error;
    heard();
  };
  const onData = (/** @type {Buffer} */ chunk) => {
    text += chunk.toString('latin1');
    if (text.length > LONGEST_REPLY) close(new SmtpError('the mail server answers without an end'));
    heard();
  };
  const onError = (/** @type {any} */ error) => fail(new SmtpError(words(error)));
  const onClose = () => fail(new SmtpError('the mail server closed the connection'));
  socket.on('data', onData).on('error', onError).on('close', onClose);
  socket.setTimeout(SILENT_MS, () => close(new SmtpError('the mail server does not answer in time')));

  /** @returns {Promise<Reply>} */
  async function reply() {
    for (;;) {
      const whole = /^(?:\d{3}-[^\n]*\n)*(\d{3})(?: [^\n]*)?\r?\n/.exec(text);
      if (whole) {
        text = text.slice(whole[0].length);
        return {
          code: Number(whole[1]),
          lines: whole[0]
            .trimEnd()
            .split(/\r?\n/)
            .map((each) => each.slice(4)),
        };
      }
      if (broken) throw broken;
      await new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
        heard = resolve;
      });
    }
  }

  /** @param {number} code @param {string} otherwise what a person is told it does */
  async function expect(code, otherwise) {
    const { code: got, lines } = await reply();
    if (got !== code) throw new SmtpError(`the mail server ${otherwise} (${got})`);
    return lines;
  }

  /** @param {string} command @param {number} code @param {string} otherwise */
  async function say(command, code, otherwise) {
    if (broken) throw broken;
    socket.write(`${command}\r\n`);
    return expect(code, otherwise);
  }

  /** @returns {Promise<(word: string) => string | undefined>} what an extension says of itself; undefined for one that is not offered */
  async function hello() {
    // A container has no name that a server could check: its own address will do (RFC 5321, 4.1.3).
    const lines = await say('EHLO [127.0.0.1]', 250, 'does not take us');
    return (word) =>
      lines
        .slice(1)
        .find((each) => each.toUpperCase().split(' ')[0] === word)
        ?.slice(word.length + 1);
  }

  /** The connection alone, for TLS upon it. */
  function release() {
    socket.off('data', onData).off('error', onError).off('close', onClose).setTimeout(0);
    return socket;
  }

  /** @param {Error} [why] */
  function close(why) {
    if (why) fail(why);
    socket.destroy();
  }

  return { expect, say, hello, release, close };
}

/** @param {any} error */
function words({ code }) {
  if (code === 'ECONNREFUSED') return 'nothing listens at the mail server’s address';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'the mail server’s name is not known';
  if (/CERT|SELF_SIGNED|ISSUER|VERIFY/.test(code ?? '')) return 'the mail server’s certificate is not trusted';
  if (/^(ERR_SSL|EPROTO)/.test(code ?? '')) return 'the mail server does not speak TLS there';
  return `the mail server cannot be reached (${code ?? 'no reason given'})`;
}
