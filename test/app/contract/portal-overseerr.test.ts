import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { becomes, start, tidy } from '../../support/portal-process.ts';
import { API_KEY, type Overseerr, startOverseerr } from './overseerr.ts';
import { type Answer, behindSignOn, read } from './sign-on.ts';

interface Call {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: { topic?: string; title?: string; event?: string; text?: string; click?: string; request?: Record<string, unknown> };
}

/** A receiver of ntfy's publishing and of webhooks. */
const calls: Call[] = [];
let refusing: string | undefined;
const receiver = http.createServer(async (req, res) => {
  let text = '';
  for await (const chunk of req) text += chunk;
  calls.push({ path: req.url ?? '', headers: req.headers, body: JSON.parse(text) as Call['body'] });
  res.writeHead(req.url === refusing ? 503 : 200).end('secret-of-the-receiver');
});
const mails: string[] = [];
const mailServer = new SMTPServer({
  authOptional: true,
  disabledCommands: ['STARTTLS'],
  onData(stream, _session, done) {
    let text = '';
    stream
      .on('data', (chunk: Buffer) => (text += chunk.toString()))
      .on('end', () => {
        const [head = '', body = ''] = text.split('\r\n\r\n');
        mails.push(`${head}\n\n${Buffer.from(body, 'base64')}`);
        done();
      });
  },
});

let overseerr: Overseerr;
let behind: Awaited<ReturnType<typeof behindSignOn>>;
type Visitor = ReturnType<typeof behind.visitor>;
let ana: Visitor;
let olga: Visitor;

beforeAll(async () => {
  await Promise.all([
    once(receiver.listen(0, '127.0.0.1'), 'listening'),
    new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', resolve)),
  ]);
  overseerr = await startOverseerr([
    { id: 438631, mediaType: 'movie', title: 'Dune: Part One (2021)!', date: '2021-09-15', posterPath: '/d5NXSklXo0qyIYkgV94XAgMIckC.jpg' },
    { id: 841, mediaType: 'movie', title: 'Dune', date: '1984-12-14' },
    { id: 90228, mediaType: 'tv', title: 'Dune: Prophecy', date: '2024-11-17' },
    { id: 11, mediaType: 'movie', title: 'Star Wars', date: '1977-05-25', status: 5 },
    { id: 12, mediaType: 'movie', title: 'Nemo', date: '2003-05-30', status: 3 },
    ...Array.from({ length: 9 }, (_, n) => ({ id: 100 + n, mediaType: 'movie' as const, title: `Saga ${n}`, date: '' })),
  ]);
  const web = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  behind = await behindSignOn({
    OVERSEERR_URL: overseerr.url,
    OVERSEERR_API_KEY: API_KEY,
    NOTIFY_MAIL_HOST: '127.0.0.1',
    NOTIFY_MAIL_PORT: String((mailServer.server.address() as AddressInfo).port),
    NOTIFY_MAIL_TLS: 'none',
    NOTIFY_MAIL_FROM: 'MediaNest <medianest@example.org>',
    NOTIFY_NTFY_URL: web,
    NOTIFY_NTFY_TOPIC: 'films',
    NOTIFY_NTFY_TOKEN: 'ntfy-token',
    NOTIFY_WEBHOOK_URL: `${web}/hook`,
    NOTIFY_WEBHOOK_TOKEN: 'hook-token',
    PORTAL_REQUEST_QUOTA: '100',
  });
  [ana, olga] = [behind.visitor('ana', 'member'), behind.visitor('olga', 'operator')];
});
afterAll(async () => {
  await tidy();
  overseerr.close();
  receiver.close();
  await new Promise<void>((resolve) => mailServer.close(resolve));
});

const until = (check: () => unknown) => vi.waitFor(check, { timeout: 15_000, interval: 50 });
const row = async (id: number) => (await olga.body('/api/requests?limit=100')).items.find((entry) => entry.id === id) as Answer;
const askFor = async (tmdbId: number, more: object = {}) => read(ana.ask('whatever I call it', { tmdbId, ...more }));
const told = (id: number) => calls.filter(({ body }) => body.request?.id === id);
const forwards = (mediaId: number) => overseerr.requested.filter((request) => request.mediaId === mediaId);
/** As if the time of all that waits had come. */
const hurry = () => behind.sql('UPDATE tasks SET due_at = now() WHERE failed_at IS NULL');

describe('search', () => {
  it('asks Overseerr as its validator wants it, and leaves people out', async () => {
    const found = await ana.body(`/api/search?query=${encodeURIComponent('Dune: Part One (2021)!')}`);
    expect(found).toEqual({
      nextPage: 2,
      items: [
        {
          tmdbId: 438631,
          kind: 'movie',
          title: 'Dune: Part One (2021)!',
          year: 2021,
          poster: 'd5NXSklXo0qyIYkgV94XAgMIckC.jpg',
          overview: 'What Dune: Part One (2021)! is about',
          availability: null,
          watchUrl: null,
        },
      ],
    });
    expect((await ana.body('/api/search?query=dune&page=2')).items.map(({ title }) => title)).toEqual([
      'Dune: Part One (2021)!',
      'Dune',
      'Dune: Prophecy',
    ]);
    expect((await ana.body('/api/search?query=star%20wars')).items[0]).toMatchObject({
      availability: 'available',
      watchUrl: expect.stringContaining('app.plex.tv'),
    });
    expect((await ana.body('/api/search?query=nemo')).items[0]).toMatchObject({ availability: 'requested', watchUrl: null });
    expect(overseerr.faults).toEqual([]);
  });

  it('shows posters through the portal, as pictures of a limited size and nothing else', async () => {
    const poster = () => ana.call('/api/posters/d5NXSklXo0qyIYkgV94XAgMIckC.jpg');
    const shown = await poster();
    expect([shown.status, shown.headers.get('content-type'), await shown.text()]).toEqual([200, 'image/jpeg', 'a poster']);
    expect(shown.headers.get('content-security-policy')).toBe("default-src 'none'; sandbox");
    for (const [image, status] of [
      [{ type: 'image/svg+xml', bytes: Buffer.from('<svg onload="alert(1)"/>') }, 404],
      [{ type: 'text/html', bytes: Buffer.from('<script>') }, 404],
      [{ type: 'image/jpeg', bytes: Buffer.alloc(600_000) }, 502],
    ] as const) {
      overseerr.image = image;
      expect([image.type, (await poster()).status]).toEqual([image.type, status]);
    }
    for (const name of ['..%2f..%2fapi%2fv1%2fsettings%2fmain', 'x.svg', 'x.jpg%3fy'])
      expect((await ana.call(`/api/posters/${name}`)).status).toBe(404);
  });

  it('says in words that Overseerr is away', async () => {
    overseerr.mode = 'away';
    const answer = await ana.call('/api/search?query=dune');
    overseerr.mode = 'there';
    expect([answer.status, (await read(answer)).message]).toEqual([502, 'Overseerr does not answer: Not reachable.']);
  });
});

describe('a request for a title that Overseerr knows', () => {
  it('has Overseerr’s name, goes there once when it is approved, and is told to its sender, with a link to watch it', async () => {
    const { id, title } = await askFor(438631);
    expect(title).toBe('Dune: Part One (2021)!');
    expect(calls).toEqual([]);
    expect((await olga.decide(id, 'approved')).status).toBe(200);
    await until(async () => expect((await row(id)).forward).toEqual({ state: 'sent', message: null }));
    expect(forwards(438631)).toEqual([{ mediaType: 'movie', mediaId: 438631, is4k: false }]);
    // Approved by two operators at once, and by one twice.
    await Promise.all([olga.decide(id, 'approved'), behind.visitor('otto', 'operator').decide(id, 'approved')]);
    await until(() => expect([mails.length, told(id).length, calls.length]).toEqual([1, 1, 2]));
    expect(mails[0]).toMatch(/^To: ana@example\.org$/m);
    expect(mails[0]).toMatch(/^Auto-Submitted: auto-generated$/m);
    const [ntfy, hook] = ['/', '/hook'].map((path) => calls.find((call) => call.path === path));
    expect([ntfy?.headers.authorization, ntfy?.body]).toEqual([
      'Bearer ntfy-token',
      { topic: 'films', title: '“Dune: Part One (2021)!” (2021) was approved.', message: 'Requested by Ana.', tags: ['thumbsup'] },
    ]);
    expect([hook?.headers.authorization, hook?.headers['idempotency-key'], hook?.body]).toEqual([
      'Bearer hook-token',
      `medianest-request-${id}-approved`,
      expect.objectContaining({ event: 'request.approved', request: expect.not.objectContaining({ email: expect.anything() }) }),
    ]);

    (overseerr.media[0] as { status?: number }).status = 5;
    await until(async () =>
      expect(await row(id)).toMatchObject({ status: 'available', watchUrl: expect.stringMatching(/^https:\/\/app\.plex\.tv\/.*438631$/) }),
    );
    await until(() => expect([mails.length, told(id).length, calls.length]).toEqual([2, 2, 4]));
    expect(mails[1]).toContain('app.plex.tv');
    expect(forwards(438631)).toHaveLength(1);
  });

  it('is not made where the title is there already, was requested elsewhere, or is unknown', async () => {
    const answers = await Promise.all([11, 12, 999].map(async (tmdbId) => read(ana.ask('x', { tmdbId }))));
    expect(answers[0]).toMatchObject({
      error: 'duplicate',
      message: '“Star Wars” is available already.',
      watchUrl: expect.stringContaining('app.plex.tv'),
    });
    expect(answers[1]).toMatchObject({ error: 'duplicate', message: '“Nemo” was requested in Overseerr already.' });
    expect(answers[2]).toMatchObject({ error: 'overseerr' });
    expect((await ana.ask('x', { tmdbId: 11, kind: 'music' })).status).toBe(400);
  });

  it('is another one where two films share a title, and the same one where numbers do', async () => {
    const { id } = await askFor(841);
    expect((await behind.visitor('bob', 'member').ask('x', { tmdbId: 841 })).status).toBe(409);
    // By its title alone it is ambiguous, and told.
    expect((await ana.ask('dune')).status).toBe(409);
    await olga.call(`/api/requests/${id}`, { method: 'DELETE' });
  });

  it('asks for all seasons of a series', async () => {
    const { id } = await askFor(90228, { kind: 'series' });
    await olga.decide(id, 'approved');
    await until(async () => expect((await row(id)).forward?.state).toBe('sent'));
    expect(forwards(90228)).toEqual([{ mediaType: 'tv', mediaId: 90228, is4k: false, seasons: 'all' }]);
    expect(overseerr.faults).toEqual([]);
  });
});

describe('an approved request', () => {
  it('waits while Overseerr is away, says so, and goes there once when it is back', async () => {
    const { id } = await askFor(100);
    overseerr.mode = 'away';
    const approved = await olga.decide(id, 'approved');
    expect(approved.status).toBe(200);
    await until(async () =>
      expect((await row(id)).forward).toEqual({ state: 'queued', message: 'Overseerr does not answer: Not reachable.' }),
    );
    // It does not hold up what is told to people.
    await until(() => expect(told(id)).toHaveLength(1));
    overseerr.mode = 'there';
    await until(async () => expect((await row(id)).forward).toEqual({ state: 'sent', message: null }));
    expect(forwards(100)).toHaveLength(1);
  });

  it('is given up where Overseerr refuses it for good, in Overseerr’s words, until an operator tries again', async () => {
    const { id } = await askFor(101);
    overseerr.mode = 'quota';
    await olga.decide(id, 'approved');
    await until(async () =>
      expect((await row(id)).forward).toEqual({ state: 'failed', message: 'Overseerr refuses it: Movie Quota exceeded.' }),
    );
    const admin = behind.visitor('root', 'admin');
    await until(async () =>
      expect((await admin.body('/api/deliveries')).items).toMatchObject([{ lane: 'forward', failed: true, attempts: 1, title: 'Saga 1' }]),
    );
    overseerr.mode = 'there';
    expect((await olga.call(`/api/requests/${id}/retry`, { method: 'POST' })).status).toBe(200);
    await until(async () => expect((await row(id)).forward?.state).toBe('sent'));
    expect((await admin.body('/api/deliveries')).items).toEqual([]);
    expect((await olga.call(`/api/requests/${id}/retry`, { method: 'POST' })).status).toBe(404);
  });

  it('is asked for once, although the portal was killed before it heard that Overseerr has it', async () => {
    const { id } = await askFor(102);
    overseerr.mode = 'mute';
    const other = await start(behind.settings);
    await becomes(other, '/api/health/ready', 200);
    await olga.decide(id, 'approved');
    await until(() => expect(forwards(102)).toHaveLength(1));
    // The channels have done their part: told again by the next process would be twice.
    await until(async () => expect(await behind.sql('SELECT lane FROM tasks WHERE request = $1', [id])).toEqual([{ lane: 'forward' }]));
    behind.portal.child.kill('SIGKILL');
    other.child.kill('SIGKILL');
    await Promise.all([behind.portal.exit, other.exit]);
    overseerr.mode = 'there';
    const next = await start(behind.settings);
    await becomes(next, '/api/health/ready', 200);
    Object.assign(behind.portal, next);
    for (const who of [ana, olga]) who.claims.aud = new URL(next.url).host;
    expect((await row(id)).forward?.state).toBe('queued');
    await hurry();
    await until(async () => expect((await row(id)).forward?.state).toBe('sent'));
    expect(forwards(102)).toHaveLength(1);
    expect(told(id)).toHaveLength(1);
  });
});

describe('a channel that refuses', () => {
  it('is tried again a bounded number of times, holds up no other, and is told to administrators, without a secret', async () => {
    refusing = '/hook';
    const { id } = await askFor(103);
    await olga.decide(id, 'approved');
    await until(() => expect(told(id).length).toBeGreaterThan(1));
    await until(() => expect(mails.some((mail) => mail.includes('Saga 3'))).toBe(true));
    await until(async () => expect((await row(id)).forward?.state).toBe('sent'));
    const admin = behind.visitor('root', 'admin');
    admin.claims.aud = new URL(behind.portal.url).host;
    await behind.sql('UPDATE tasks SET attempts = 11, due_at = now()');
    await until(async () =>
      expect((await admin.body('/api/deliveries')).items).toMatchObject([
        { lane: 'webhook', failed: true, attempts: 12, message: 'it answers with HTTP 503' },
      ]),
    );
    const tried = told(id).length;
    await hurry();
    refusing = undefined;
    expect((await olga.call(`/api/requests/${id}/retry`, { method: 'POST' })).status).toBe(200);
    await until(async () => expect((await admin.body('/api/deliveries')).items).toEqual([]));
    expect(told(id)).toHaveLength(tried + 1);
    const metrics = await (await fetch(`${behind.portal.url}/metrics`)).text();
    expect(metrics).toMatch(/^medianest_portal_deliveries_total\{[^}]*lane="webhook",outcome="failed"[^}]*\} 1$/m);
    for (const secret of ['hook-token', 'ntfy-token', API_KEY, 'secret-of-the-receiver', '/hook'])
      expect(behind.portal.log()).not.toContain(secret);
  });
});
