import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { Issuer } from '../../../src/certificates/ca/issuer.ts';
import { certificateFacts } from '../../../src/certificates/plan/renewal.ts';
import type { CertificateSpec } from '../../../src/stack/types.ts';
import { run } from '../../support/cli.ts';

/** What every issuer must hold to, whoever signs. */
export function issuerContract(name: string, make: () => Issuer): void {
  const spec: CertificateSpec = {
    name: 'edge',
    subjects: ['media.example.org', '*.media.example.org', '192.168.1.20', '::1'],
    issuer: name,
    days: 90,
  };
  const now = new Date();

  describe(`issuer ${name}`, () => {
    const issuer = make();
    const issued = issuer.issue(spec, now);

    it('passes openssl verify -x509_strict as a server certificate', async () => {
      const { certificate, chain, root } = await issued;
      const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-issuer-'));
      const write = (file: string, text: string) => {
        writeFileSync(path.join(dir, file), text);
        return path.join(dir, file);
      };
      const untrusted = chain ? ['-untrusted', write('chain.pem', chain)] : [];
      const args = [
        'verify',
        '-x509_strict',
        '-purpose',
        'sslserver',
        '-verify_hostname',
        'media.example.org',
        '-CAfile',
        write('root.pem', root ?? ''),
        ...untrusted,
        write('leaf.pem', certificate),
      ];
      expect(await run('openssl', args)).toMatchObject({ status: 0, stderr: '' });
    });
    it('gives the key that belongs to the certificate, and every name', async () => {
      const { certificate, privateKey } = await issued;
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
      expect(certificateFacts(certificate).subjects).toEqual(spec.subjects);
    });
    it('is valid now and for no longer than was asked', async () => {
      const { notBefore, notAfter } = certificateFacts((await issued).certificate);
      expect(notBefore.getTime()).toBeLessThanOrEqual(now.getTime());
      expect(notAfter.getTime()).toBeLessThanOrEqual(now.getTime() + spec.days * 86_400_000);
    });
    it('tells the serial that the certificate has, and another each time', async () => {
      const [first, second] = [await issued, await issuer.issue(spec, now)];
      expect(first.serial).toBe(new X509Certificate(first.certificate).serialNumber);
      expect(first.serial).toMatch(/^[4-7][0-9A-F]{31}$/);
      expect(second.serial).not.toBe(first.serial);
      expect(second.root).toBe(first.root);
    });
    it('is accepted in a real handshake, and refused for another name', async () => {
      const { certificate, chain, privateKey, root } = await issued;
      const server = tls.createServer({ key: privateKey, cert: certificate + chain }, (socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const connect = (servername: string) =>
        new Promise<string>((resolve) => {
          const socket = tls.connect({ host: '127.0.0.1', port, servername, ca: root ?? '' }, () => resolve('accepted'));
          socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        });
      expect([await connect('media.example.org'), await connect('evil.example')]).toEqual(['accepted', 'ERR_TLS_CERT_ALTNAME_INVALID']);
      server.close();
    });
  });
}
