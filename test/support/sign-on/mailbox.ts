import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { type MailReceiver, mailReceiver } from '../alerts/receivers.ts';
import { docker } from '../cli.ts';
import { until } from '../stack.ts';

export const MAIL_LOGIN = { user: 'medianest', password: 'pa§§ word' };

/** A mail server that containers reach, with what it has taken; it can be stopped, and come back on its port as another one. */
export interface Mailbox {
  address: string;
  port: number;
  /** PEM. */
  ca: string;
  stop(): Promise<void>;
  /** @param as `stranger`: of an issuer that is not known; `misnamed`: for another name; `plain`: without TLS */
  start(as?: 'itself' | 'stranger' | 'misnamed' | 'plain'): Promise<void>;
  /** Takes the next mails to an address that fit, waiting for them: the text of each. */
  next(to: string, subject: string, seconds?: number): Promise<string>;
  /** Texts of all that are there and were not taken. */
  rest(): string[];
}

const certificateFor = async (name: string) => {
  let root: ReturnType<Parameters<typeof internalCa>[0]['load']>;
  const ca = internalCa({ load: () => root, save: (made) => (root = made) }, 'test');
  const issued = await ca.issue({ name: 'mail', subjects: [name], issuer: 'internal-ca', days: 9 }, new Date());
  return { certificate: issued.certificate + issued.chain, privateKey: issued.privateKey, ca: issued.root ?? '' };
};

/** Head and decoded text of a message. */
function plain(message: string): string {
  const [head = '', body = ''] = message.split(/\r?\n\r?\n/, 2);
  return `${head}\n\n${Buffer.from(body, 'base64').toString('utf8')}`;
}

export async function mailbox(): Promise<Mailbox> {
  const { stdout } = await docker(['network', 'inspect', 'bridge', '--format', '{{(index .IPAM.Config 0).Gateway}}']);
  const address = stdout.trim();
  const own = await certificateFor(address);
  const kinds = {
    itself: { ...own, ...MAIL_LOGIN },
    stranger: { ...(await certificateFor(address)), ...MAIL_LOGIN },
    misnamed: undefined,
    plain: undefined,
  };
  let server: MailReceiver = await mailReceiver(kinds.itself, { address });
  const { port } = server;
  const old: string[] = [];
  const taken = new Set<string>();
  const all = () => [...old, ...server.received].filter((message) => !taken.has(message));
  return {
    ...{ address, port, ca: own.ca },
    stop: async () => {
      old.push(...server.received.splice(0));
      await server.close();
    },
    start: async (as = 'itself') => {
      server = await mailReceiver(kinds[as], { address, port });
    },
    next: async (to, subject, seconds = 15) => {
      const fits = (message: string) => message.includes(`To: ${to}\r\n`) && message.includes(subject);
      await until(`a mail to ${to}: ${subject}`, async () => all().some(fits), seconds);
      const found = all().find(fits) as string;
      taken.add(found);
      return plain(found);
    },
    rest: () => all().map(plain),
  };
}

/** The token of the link in a mail. */
export const tokenIn = (mail: string): string => /token=([\w-]{43})\b/.exec(mail)?.[1] ?? '';
