import { createPrivateKey, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import { beforeAll, describe, expect, it } from 'vitest';
import type { IssuedCertificate, Issuer } from '../../../src/certificates/ca/issuer.ts';
import { certificateFacts } from '../../../src/certificates/plan/renewal.ts';
import type { CertificateSpec } from '../../../src/stack/types.ts';
import { run } from '../../support/cli.ts';
import { temporaryFolder } from '../../support/temporary.ts';

export interface OutsideCa {
  /** Names that it can check here. */
  subjects: string[];
  /** The root that its clients trust, which it does not send. */
  root: () => Promise<string>;
}

/** What every issuer has to do, whoever signs. */
export function issuerContract(name: string, make: () => Issuer | Promise<Issuer>, outside?: OutsideCa): void {
  const spec: CertificateSpec = {
    name: 'edge',
    subjects: outside?.subjects ?? ['media.example.org', '*.media.example.org', '192.168.1.20', '::1'],
    issuer: name,
    days: 90,
  };
  const [host] = spec.subjects as [string];
  /** What validity is compared with: when it was asked for, or received from a CA that signs with its own clock. */
  let at: Date;
  let issuer: Issuer;
  let issued: IssuedCertificate;
  const trusted = async () => (await outside?.root()) ?? issued.root ?? '';

  describe(`issuer ${name}`, () => {
    beforeAll(async () => {
      issuer = await make();
      at = new Date();
      issued = await issuer.issue(spec, at);
      if (outside) at = new Date();
    });

    it('passes openssl verify -x509_strict as a server certificate', async () => {
      const { certificate, chain } = issued;
      const dir = temporaryFolder('issuer');
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
        host,
        '-CAfile',
        write('root.pem', await trusted()),
        ...untrusted,
        write('leaf.pem', certificate),
      ];
      expect(await run('openssl', args)).toMatchObject({ status: 0, stderr: '' });
    });
    it('gives the key that belongs to the certificate, and every name', async () => {
      const { certificate, privateKey } = issued;
      expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
      expect(certificateFacts(certificate).subjects.sort()).toEqual([...spec.subjects].sort());
    });
    it('is valid now and for no longer than was asked', async () => {
      const { notBefore, notAfter } = certificateFacts(issued.certificate);
      expect(notBefore.getTime()).toBeLessThanOrEqual(at.getTime());
      expect(notAfter.getTime()).toBeLessThanOrEqual(at.getTime() + spec.days * 86_400_000);
    });
    it('tells the serial that the certificate has, and another each time', async () => {
      const [first, second] = [issued, await issuer.issue(spec, new Date())];
      expect(first.serial).toBe(new X509Certificate(first.certificate).serialNumber);
      // A CA outside chooses the length itself.
      expect(first.serial).toMatch(outside ? /^[0-9A-F]{16,40}$/ : /^[4-7][0-9A-F]{31}$/);
      expect(second.serial).not.toBe(first.serial);
      expect(second.root).toBe(first.root);
    });
    it('is accepted in a real handshake, and refused for another name', async () => {
      const { certificate, chain, privateKey } = issued;
      const ca = await trusted();
      const server = tls.createServer({ key: privateKey, cert: certificate + chain }, (socket) => socket.end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as { port: number };
      const connect = (servername: string) =>
        new Promise<string>((resolve) => {
          const socket = tls.connect({ host: '127.0.0.1', port, servername, ca }, () => resolve('accepted'));
          socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        });
      expect([await connect(host), await connect('evil.example')]).toEqual(['accepted', 'ERR_TLS_CERT_ALTNAME_INVALID']);
      server.close();
    });
  });
}
