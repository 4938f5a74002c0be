import { readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { folder } from '../../support/command.ts';
import { CRS_ARCHIVE } from '../../support/waf/crs.ts';

const own = folder();
let server: https.Server;
const env = () => ({ NODE_EXTRA_CA_CERTS: path.join(own.dir, 'ca.pem') });
const configure = (name: string) => {
  const mirror = `https://localhost:${(server.address() as AddressInfo).port}/${name}`;
  own.settings(`profile: prod\nedge: { waf: { rules: { mirror: "${mirror}" } } }\n`);
};

beforeAll(async () => {
  const store = {
    load: () => undefined,
    save: ({ certificate }: { certificate: string }) => writeFileSync(path.join(own.dir, 'ca.pem'), certificate),
  };
  const issued = await internalCa(store, 'test').issue({ name: 'x', subjects: ['localhost'], issuer: 'internal-ca', days: 1 }, new Date());
  server = https.createServer({ cert: issued.certificate + issued.chain, key: issued.privateKey }, (req, res) =>
    req.url === '/good.tar.gz' ? res.end(readFileSync(CRS_ARCHIVE)) : res.writeHead(404).end(),
  );
  await new Promise<void>((resolve) => server.listen(0, resolve));
});
afterAll(() => server.close());

it('`waf rules fetch` says what failed, brings the release from a mirror, and does nothing the second time', async () => {
  configure('none.tar.gz');
  const missing = await own.run(['waf', 'rules', 'fetch'], { env: env() });
  expect(missing.status).not.toBe(0);
  expect(missing.stderr).toMatch(/HTTP 404.*nothing was changed/s);
  configure('good.tar.gz');
  const planned = await own.run(['waf', 'rules', 'fetch', '--dry-run', '--json'], { env: env() });
  expect(JSON.parse(planned.stdout)).toMatchObject({ result: 'planned' });
  const fetched = await own.run(['waf', 'rules', 'fetch', '--json'], { env: env() });
  expect(JSON.parse(fetched.stdout)).toMatchObject({ result: 'fetched', version: '4.28.0' });
  const again = await own.run(['waf', 'rules', 'fetch'], { env: env() });
  expect(again.stdout).toMatch(/nothing to do/);
  expect((await own.run(['waf', 'rules', 'update'])).status).toBe(2);
});
