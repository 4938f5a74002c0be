import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { CRS_ARCHIVE } from './crs.ts';

export interface Mirror {
  at(name: string): string;
  /** For a program that is to trust it. */
  env: { NODE_EXTRA_CA_CERTS: string };
  close(): void;
}

/** A server on this host that has `good.tar.gz`, the release of the rules. @param dir where its CA's certificate is left */
export async function rulesMirror(dir: string): Promise<Mirror> {
  const file = path.join(dir, 'mirror-ca.pem');
  const store = { load: () => undefined, save: ({ certificate }: { certificate: string }) => writeFileSync(file, certificate) };
  const issued = await internalCa(store, 'test').issue({ name: 'x', subjects: ['localhost'], issuer: 'internal-ca', days: 1 }, new Date());
  const server = https.createServer({ cert: issued.certificate + issued.chain, key: issued.privateKey }, (req, res) =>
    req.url === '/good.tar.gz' ? res.end(readFileSync(CRS_ARCHIVE)) : res.writeHead(404).end(),
  );
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    at: (name) => `https://localhost:${(server.address() as AddressInfo).port}/${name}`,
    env: { NODE_EXTRA_CA_CERTS: file },
    close: () => void server.close(),
  };
}
