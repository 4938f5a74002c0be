import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import type { Loaded } from '../../../src/settings/loaded.ts';
import type { StateFolder } from '../../../src/state/state.ts';
import { CRS, isOlder, newerThan, rulesText } from '../../../src/waf/plan/crs.ts';
import { fetchRelease, findRules, RULES_FOLDER, servesDebian } from '../../../src/waf/store/waf-rules.ts';
import { HOME } from '../../support/cli.ts';
import { CRS_ARCHIVE } from '../../support/waf/crs.ts';

const GOOD = readFileSync(CRS_ARCHIVE);
const TAR = gunzipSync(GOOD);
/** The tar with one text in place of another of the same length. */
const changed = (from: string, to: string): Buffer => {
  const copy = Buffer.from(TAR);
  const at = copy.indexOf(from);
  if (at < 0 || from.length !== to.length) throw new Error(`no ${from}`);
  copy.write(to, at, 'latin1');
  return gzipSync(copy);
};
const send =
  (body: Buffer, status = 200): RequestListener =>
  (_req, res) =>
    res.writeHead(status, { 'content-length': body.length }).end(body);
const leads =
  (to: string): RequestListener =>
  (_req, res) =>
    res.writeHead(302, { location: to }).end();

/** The tar as GitHub makes it, with what else the project keeps: more files, and some beside the rules. */
const full = (): Buffer => {
  const more = [
    'README.md',
    '.github/release.yml',
    'tests/rules/x.conf',
    'rules/x.conf.example',
    'regex-assembly/942100.ra',
    'util/x.data',
  ];
  const entries = more.map((name) => {
    const entry = Buffer.from(TAR.subarray(firstFile, firstFile + 1024));
    entry.fill(0, 0, 100).write(`${TOP}${name}`);
    entry.fill('0', 124, 135).write('00000000005', 124, 'latin1');
    entry.fill(0, 512).write('other', 512);
    return entry;
  });
  return gzipSync(Buffer.concat([TAR.subarray(0, firstFile), ...entries, TAR.subarray(firstFile)]));
};
const TOP = 'coreruleset-4.28.0/';
/** Where its entry begins. */
const firstFile = TAR.indexOf(`${TOP}LICENSE`);
const signature = (name: string): Buffer => readFileSync(path.join(HOME, 'test/fixtures/signature', name));

const ANSWERS: Record<string, RequestListener> = {
  '/good.tar.gz': send(GOOD),
  '/moved.tar.gz': leads('/good.tar.gz'),
  '/full.tar.gz': (req, res) => send(full())(req, res),
  '/no-commit.tar.gz': send(changed('52 comment=', '52 xomment=')),
  '/good.asc': send(signature('good.asc')),
  '/other.asc': send(signature('other.asc')),
  '/page.asc': send(Buffer.from('<!doctype html>')),
  '/broken.asc': (_req, res) => res.destroy(),
  '/security.asc': send(signature('security.asc')),
  '/commit.tar.gz': send(changed(CRS.commit, '0'.repeat(40))),
  '/digest.tar.gz': send(changed("severity:'CRITICAL'", "severity:'NOTICE'  ")),
  '/half.tar.gz': send(GOOD.subarray(0, GOOD.length / 2)),
  '/cut.tar.gz': (_req, res) => {
    res.writeHead(200, { 'content-length': GOOD.length }).write(GOOD.subarray(0, 1000), () => res.destroy());
  },
  '/cut-chunked.tar.gz': (_req, res) => {
    res.writeHead(200).write(GOOD.subarray(0, 1000), () => res.destroy());
  },
  '/endless.tar.gz': (_req, res) => {
    const more = () => res.write(Buffer.alloc(1024 ** 2), () => !res.destroyed && more());
    more();
  },
  '/bomb.tar.gz': send(gzipSync(Buffer.alloc(160 * 1024 ** 2))),
  '/page.tar.gz': send(Buffer.from('<!doctype html>')),
  '/error.tar.gz': send(Buffer.from('x'), 500),
  '/plain.tar.gz': leads('http://127.0.0.1:1/good.tar.gz'),
  '/round.tar.gz': leads('/round.tar.gz'),
  '/nowhere.tar.gz': (_req, res) => res.writeHead(302).end(),
};

let server: https.Server;
let ca: string;
let root: string;
const asked: string[] = [];
const state = () => ({ root, at: (...parts: string[]) => path.join(root, ...parts) }) as StateFolder;
const address = (name: string) => `https://localhost:${(server.address() as AddressInfo).port}${name}`;
const SIGNED = { ...CRS, fingerprint: '192064942B5C80FF351502CE4A77F7B23EC3E1CC' };
const fetchIt = (name: string, own: string | null = ca, signature = '/none.asc', key = '/security.asc', release = SIGNED) => {
  const source = { address: address(name), signature: address(signature), key: address(key) };
  return fetchRelease(state(), source, new AbortController().signal, own === null ? {} : { ca: own, release });
};
const loaded = (rules: object = {}): Loaded =>
  ({
    root,
    settings: { components: { edge: true }, edge: { waf: { mode: 'block', rules: { source: 'newest', ...rules } } } },
  }) as unknown as Loaded;

beforeAll(async () => {
  let pair: { certificate: string; privateKey: string } | undefined;
  const store = {
    load: () => pair,
    save: (made: NonNullable<typeof pair>) => {
      pair = made;
    },
  };
  const issued = await internalCa(store, 'test').issue({ name: 'x', subjects: ['localhost'], issuer: 'internal-ca', days: 1 }, new Date());
  ca = pair?.certificate ?? '';
  server = https.createServer({ cert: issued.certificate + issued.chain, key: issued.privateKey }, (req, res) => {
    asked.push(req.url ?? '');
    (ANSWERS[req.url ?? ''] ?? send(Buffer.from('none'), 404))(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  root = mkdtempSync(path.join(os.tmpdir(), 'medianest-release-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('the pinned release', () => {
  it.each(['/good.tar.gz', '/moved.tar.gz', '/full.tar.gz'])(
    'is fetched from %s once, and is what the WAF reads from then on',
    async (name) => {
      expect(servesDebian(loaded(), state())).toBe(true);
      expect(await fetchIt(name)).toMatchObject({ result: 'fetched' });
      const found = findRules(loaded(), state());
      expect(found).toMatchObject({ pending: undefined, rules: { version: CRS.version, own: false } });
      expect(readdirSync(state().at(RULES_FOLDER, found?.rules.folder ?? '')).sort()).toEqual(['crs-setup.conf', 'plugins', 'rules']);
      expect(servesDebian(loaded(), state())).toBe(false);
      const before = asked.length;
      expect(await fetchIt(name)).toEqual({ result: 'present' });
      expect(asked.length).toBe(before);
    },
  );

  it('is left alone where Debian’s were chosen', async () => {
    await fetchIt('/good.tar.gz');
    expect(findRules(loaded({ source: 'debian' }), state())).toBeUndefined();
    expect(servesDebian(loaded({ source: 'debian' }), state())).toBe(false);
  });

  it.each([
    ['another commit', '/commit.tar.gz', /sent commit 0{40}, and 4\.28\.0 is 55b09f5/],
    ['an archive that names no commit', '/no-commit.tar.gz', /sent an archive without a commit, and 4\.28\.0 is 55b09f5/],
    ['another text in one rule', '/digest.tar.gz', /sent rules with the SHA-256 [0-9a-f]{64}/],
    ['half an archive', '/half.tar.gz', /cannot be unpacked/],
    ['an answer that is cut off', '/cut.tar.gz', /cannot be downloaded: aborted/],
    ['a chunked answer that is cut off', '/cut-chunked.tar.gz', /cannot be downloaded: aborted/],
    ['an answer without an end', '/endless.tar.gz', /larger than \d+ bytes/],
    ['an archive that grows', '/bomb.tar.gz', /cannot be unpacked/],
    ['a page', '/page.tar.gz', /cannot be unpacked/],
    ['nothing', '/none.tar.gz', /HTTP 404/],
    ['an error', '/error.tar.gz', /HTTP 500/],
    ['a way to plain http', '/plain.tar.gz', /leads to http:\/\/127\.0\.0\.1:1\/good\.tar\.gz, which is not https/],
    ['a way in a circle', '/round.tar.gz', /more than 5 redirects/],
    ['a way to nowhere', '/nowhere.tar.gz', /HTTP 302/],
  ])('is refused where the server sends %s, and nothing is written', async (_case, name, message) => {
    await expect(fetchIt(name)).rejects.toThrow(message);
    expect(readdirSync(root)).toEqual([]);
  });

  it('is asked of no server whose certificate is not known', async () => {
    const before = asked.length;
    await expect(fetchIt('/good.tar.gz', null)).rejects.toThrow(/cannot be downloaded: .*certificate/);
    expect(asked.length).toBe(before);
  });
});

describe('the signature of a release', () => {
  it('is checked with the key of the fingerprint that medianest knows', async () => {
    expect(await fetchIt('/good.tar.gz', ca, '/good.asc')).toEqual({ result: 'fetched', signature: 'good' });
    expect(readdirSync(os.tmpdir()).filter((name) => name.startsWith('medianest-signature-'))).toEqual([]);
  });

  it('of another archive is a reason to refuse', async () => {
    await expect(fetchIt('/good.tar.gz', ca, '/other.asc')).rejects.toThrow(
      /other\.asc is not of this archive of 4\.28\.0; nothing was changed/,
    );
    expect(readdirSync(root)).toEqual([]);
  });

  it.each([
    ['there is none', '/none.asc', '/security.asc', /no signature: .*HTTP 404/],
    ['its server hangs up', '/broken.asc', '/security.asc', /no signature: .*socket hang up/],
    ['the key is not there', '/good.asc', '/none.asc', /no key of its publisher: .*HTTP 404/],
    ['it is a page', '/page.asc', '/security.asc', /the key there is not the one/],
    ['the key is a page', '/good.asc', '/page.asc', /the key there is not the one/],
  ])('is told as not checked where %s', async (_case, name, key, why) => {
    expect(await fetchIt('/good.tar.gz', ca, name, key)).toEqual({
      result: 'fetched',
      signature: { unchecked: expect.stringMatching(why) },
    });
  });

  it('by another key proves nothing', async () => {
    const fetched = await fetchIt('/good.tar.gz', ca, '/good.asc', '/security.asc', CRS as typeof SIGNED);
    expect(fetched).toMatchObject({ signature: { unchecked: expect.stringMatching(/by another key, 192064942B/) } });
  });

  it.each([
    ['without gpgv', undefined, /gpgv is not on this/],
    ['where gpgv may not be run', 0o644, /gpgv could not be run/],
    ['where gpgv fails', 0o755, /cannot load a library/],
  ])('is not checked on a machine %s, which is told', async (_case, mode, why) => {
    const before = process.env.PATH;
    const bin = mkdtempSync(path.join(root, 'bin-'));
    if (mode !== undefined) writeFileSync(path.join(bin, 'gpgv'), '#!/bin/sh\necho cannot load a library >&2; exit 127\n', { mode });
    process.env.PATH = bin;
    try {
      expect(await fetchIt('/good.tar.gz', ca, '/good.asc')).toMatchObject({ signature: { unchecked: expect.stringMatching(why) } });
    } finally {
      process.env.PATH = before;
    }
  });
});

describe('versions', () => {
  it.each([
    ['3.3.7', '4.28.0', true],
    ['4.9.0', '4.28.0', true],
    ['4.28.0', '4.28.0', false],
    ['4.28.1', '4.28.0', false],
    ['4.28', '4.28.0', false],
    ['10.0.0', '4.28.0', false],
  ])('%s is older than %s: %s', (a, b, expected) => {
    expect(isOlder(a, b)).toBe(expected);
  });

  it('say which rules, how old they are, and what is newer', () => {
    const now = new Date('2026-11-29T00:00:00Z');
    const debian = { version: '3.3.9', from: 'Debian', chosen: false, since: undefined };
    expect(rulesText(debian, now)).toBe('OWASP CRS 3.3.9 (Debian); 4.28.0 is newer: medianest waf rules fetch, then medianest up');
    const fetched = { version: '4.28.0', from: 'as released', chosen: false, since: new Date(CRS.released) };
    expect(rulesText(fetched, now)).toBe('OWASP CRS 4.28.0 (as released, 4 months old)');
    expect(newerThan({ ...debian, chosen: true })?.remedy).toMatch(/^leave edge\.waf\.rules out/);
  });
});
