import https from 'node:https';
import { UserError } from '../../core/errors.ts';

const KNOWN: Record<string, string> = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

/** The address of a directory, by its name or as it stands. */
export const directoryUrl = (directory: string): string => KNOWN[directory] ?? directory;

/** What an ACME server says about itself (RFC 8555, 7.1.1). */
export interface Directory {
  newOrder?: string;
  renewalInfo?: string;
  meta?: { caaIdentities?: string[]; profiles?: Record<string, string> };
}

/** @param ca the server's own root; the system's where undefined */
export async function readDirectory(url: string, ca: string | undefined): Promise<Directory & { time: Date }> {
  const { body, time } = await getJson<Directory>(url, ca);
  return { ...body, time };
}

export function getJson<T>(url: string, ca: string | undefined): Promise<{ body: T; retryAfter: number | undefined; time: Date }> {
  return new Promise((resolve, reject) => {
    const refuse = (why: string) =>
      reject(
        new UserError(
          'CERTIFICATE_FAILED',
          `the ACME server at ${url} ${why}`,
          'check `certificates.acme.directory`, and `certificates.acme.root` where its own certificate is by a CA that no system trusts',
        ),
      );
    // ACME servers want to know who asks (RFC 8555, 6.1).
    const request = https.get(url, { ...(ca && { ca }), headers: { 'user-agent': 'medianest' }, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        try {
          if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
          const seconds = Number(response.headers['retry-after']);
          const time = new Date(response.headers.date ?? Date.now());
          resolve({ body: JSON.parse(text) as T, retryAfter: Number.isFinite(seconds) ? seconds : undefined, time });
        } catch (error) {
          refuse(`answers with ${(error as Error).message}`);
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 10 s')));
    request.on('error', (error) => refuse(`cannot be asked: ${error.message}`));
  });
}
