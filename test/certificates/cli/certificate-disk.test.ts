import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { caStore } from '../../../src/certificates/store/ca-store.ts';
import { installedSerial, switchCertificate, writeCertificate } from '../../../src/certificates/store/install.ts';
import { dockerCli } from '../../../src/docker/compose.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { run } from '../../support/cli.ts';

it('a disk that becomes full while a certificate is issued or installed leaves the old one whole, wherever that happens', async () => {
  const disk = mkdtempSync(path.join(os.tmpdir(), 'medianest-cert-disk-'));
  const mounted = await run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
  expect(mounted).toMatchObject({ status: 0 });
  try {
    const state = new StateFolder(path.join(disk, 'state'));
    state.open();
    const issuer = internalCa(caStore(state), 'full');
    const spec = { name: 'edge', subjects: ['localhost'], issuer: 'internal-ca', days: 90 };
    const renew = async () => {
      const issued = await issuer.issue(spec, new Date());
      await writeCertificate(state, 'edge', issued, { uid: process.getuid?.() ?? 0, image: 'none' }, dockerCli);
      switchCertificate(state, 'edge', issued.serial);
      return issued.serial;
    };
    let good = await renew();
    const outcomes = new Set<string>();
    for (let pages = 0; pages < 12; pages++) {
      const { bavail, bsize } = statfsSync(disk);
      const filler = path.join(disk, 'filler');
      writeFileSync(filler, Buffer.alloc(Math.max(0, bavail - pages) * bsize));
      const serial = await renew().catch((error: { code: string }) => {
        expect(error.code).toBe('STATE_UNWRITABLE');
        return undefined;
      });
      outcomes.add(serial ? 'renewed' : 'kept');
      good = serial ?? good;
      rmSync(filler);
      expect(installedSerial(state, 'edge')).toBe(good);
      const read = (file: string) => readFileSync(state.at('certs/edge/current', file), 'utf8');
      const certificate = new X509Certificate(read('fullchain.pem'));
      expect([certificate.serialNumber, certificate.checkPrivateKey(createPrivateKey(read('privkey.pem')))]).toEqual([good, true]);
      expect(caStore(state).load()?.intermediate).toBeDefined();
    }
    expect([...outcomes].sort()).toEqual(['kept', 'renewed']);
    expect(await renew()).not.toBe(good);
  } finally {
    await run('umount', [disk]);
    rmSync(disk, { recursive: true });
  }
}, 120_000);
