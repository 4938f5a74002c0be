import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { listAlerts } from '../../../src/alerts/list.ts';
import { endSilences, listSilences, silence } from '../../../src/alerts/silences.ts';
import { testChannels } from '../../../src/alerts/test-channels.ts';
import { type MailReceiver, mailReceiver, type WebReceiver, webReceiver } from '../../support/alerts/receivers.ts';
import { type RunningAlerts, runningAlerts } from '../../support/alerts/running.ts';
import { docker } from '../../support/cli.ts';
import { PREFIX } from '../../support/workspace.ts';

/** The real Alertmanager and the real relay, in their images; receivers are played on the loopback. */
let alerts: RunningAlerts;
let mail: MailReceiver;
const web: Record<string, WebReceiver> = {};
const good = ['team', 'desk', 'phone', 'tablet', 'pager'];

beforeAll(async () => {
  for (const name of [...good, 'dead-man']) web[name] = await webReceiver(200);
  web.broken = await webReceiver(500);
  web.stuck = await webReceiver('hangs');
  mail = await mailReceiver();
  const url = (name: string, scheme = 'http') => `${scheme}://127.0.0.1:${web[name]?.port}`;
  alerts = await runningAlerts(
    `alerts:
  deadMan: { url: "${url('dead-man')}/push?status=up" }
  channels:
    operators: { kind: email, host: 127.0.0.1, port: ${mail.port}, tls: none, from: stack@example.org, to: [a@example.org, b@example.org] }
    team: { kind: slack, url: "${url('team')}/services/T/B/x" }
    desk: { kind: webhook, url: "${url('desk')}/hook", token: t1 }
    phone: { kind: ntfy, url: "${url('phone')}", topic: media, token: t2 }
    tablet: { kind: gotify, url: "${url('tablet')}/", token: t3 }
    pager: { kind: sms, url: "${url('pager')}/send", to: ["+491701", "+491702"], form: true, fields: { To: "{to}", Body: "{text}" } }
    broken: { kind: webhook, url: "${url('broken')}" }
    stuck: { kind: webhook, url: "${url('stuck')}" }
    no-tls: { kind: slack, url: "${url('desk', 'https')}" }
`,
    [['group_interval: 30s', 'group_interval: 6s']],
  );
}, 180_000);
afterAll(async () => {
  await alerts?.destroy();
  await Promise.all([...Object.values(web), mail].map((receiver) => receiver?.close()));
});

const fire = (list: { labels: Record<string, string>; summary?: string; endsAt?: string }[]) =>
  alerts.alertmanager.json(
    'POST',
    '/api/v2/alerts',
    list.map(({ labels, summary = 'x', endsAt }) => ({
      labels,
      annotations: { summary, fix: 'medianest status' },
      ...(endsAt && { endsAt }),
    })),
  );
const bodies = (name: string) => (web[name]?.received ?? []).map(({ body }) => body);
const mails = () => mail.received.map((text) => text.replace(/=\r?\n/g, ''));
/** Receives after what is there already. */
function since() {
  const before = Object.fromEntries(Object.entries(web).map(([name, { received }]) => [name, received.length]));
  const mailsBefore = mail.received.length;
  return { of: (name: string) => bodies(name).slice(before[name]), mails: () => mails().slice(mailsBefore) };
}

it('amtool accepts the configuration as it is rendered', async () => {
  const checked = await docker(
    [
      'run',
      '--rm',
      '--interactive',
      '--network',
      'none',
      '--entrypoint',
      'bash',
      alerts.image,
      '-c',
      'cat >/tmp/a.yml && amtool check-config /tmp/a.yml',
    ],
    { input: alerts.config },
  );
  expect({ status: checked.status, said: checked.status === 0 ? '' : checked.stdout + checked.stderr }).toEqual({ status: 0, said: '' });
});

describe('alerts test', () => {
  it('sends through each channel, and says of each whether it was accepted and why not', async () => {
    const results = await testChannels(alerts.context, alerts.project, undefined);
    const words = Object.fromEntries(results.map(({ channel, problem }) => [channel, problem]));
    expect(words).toEqual({
      ...Object.fromEntries([...good, 'operators'].map((name) => [name, null])),
      broken: 'it answers 500',
      stuck: 'it does not answer in time',
      'no-tls': 'it does not speak TLS there',
    });
    expect(bodies('team')[0]).toContain('This is a test of the channel team');
    expect(mails()[0]).toMatch(/Subject: INFO medianest: This is a test of the channel operators/);
    for (const { channel, seconds } of results) if (channel !== 'stuck') expect(seconds).toBeLessThan(6);
  });

  it('tests one channel alone', async () => {
    const seen = since();
    const results = await testChannels(alerts.context, alerts.project, 'phone');
    expect(results).toMatchObject([{ channel: 'phone', kind: 'ntfy', accepted: true }]);
    expect([seen.of('phone').length, seen.of('team').length]).toEqual([1, 0]);
  });
});

describe('an alert', () => {
  it('is one message where ten services fail at once, the root cause first, and so is its end', async () => {
    const seen = since();
    const began = Date.now();
    const down = (instance: string, cause: string, severity = 'critical') => ({
      labels: { alertname: `${cause}-down`, severity, cause, instance },
      summary: `${instance} is down`,
    });
    const list = [
      ...['app-1', 'app-2', 'app-3', 'app-4'].map((name) => down(name, 'replica')),
      ...['postgres-2', 'postgres-3', 'backup'].map((name) => down(name, 'database-member')),
      down('balancer', 'application'),
      down('edge-probe', 'target', 'warning'),
      { labels: { alertname: 'DatabaseNoLeader', severity: 'critical', cause: 'database' }, summary: 'No leader elected' },
    ];
    await fire(list);
    await vi.waitFor(
      () => {
        for (const name of good) expect(seen.of(name).length, name).toBeGreaterThan(0);
        expect(seen.mails().length).toBeGreaterThan(0);
      },
      { timeout: 30_000, interval: 200 },
    );
    // The figure is 60 s, of which scrapes and rules take their part before.
    expect(Date.now() - began).toBeLessThan(15_000);
    for (const name of ['team', 'desk', 'phone', 'tablet']) {
      expect(seen.of(name), name).toHaveLength(1);
      expect(seen.of(name)[0], name).toContain('CRITICAL medianest: No leader elected');
    }
    expect(seen.of('desk')[0]).toContain('Effect: Requests and sign-ins are not stored');
    // To each number one.
    expect(seen.of('pager').map((text) => new URLSearchParams(text).get('To'))).toEqual(['+491701', '+491702']);
    expect(JSON.parse(seen.of('phone')[0] ?? '')).toMatchObject({ topic: 'media', priority: 5 });
    expect(seen.mails()).toHaveLength(1);

    const listed = await listAlerts(alerts.context, alerts.project);
    expect(listed.alerts[0]).toMatchObject({ name: 'DatabaseNoLeader', heldBack: false, fix: 'medianest status' });
    expect(listed.alerts.filter(({ heldBack }) => heldBack).length).toBeGreaterThanOrEqual(8);

    const over = new Date().toISOString();
    await fire(list.map((alert) => ({ ...alert, endsAt: over })));
    await vi.waitFor(() => expect(seen.of('desk').at(-1)).toContain('RESOLVED medianest: No leader elected'), {
      timeout: 20_000,
      interval: 200,
    });
    // All of them: what comes later would be taken for the next test's.
    for (const name of ['team', 'desk', 'phone', 'tablet'])
      await vi.waitFor(() => expect(seen.of(name), name).toHaveLength(2), { timeout: 20_000, interval: 200 });
  }, 60_000);

  it('is tried again where the receiver fails, and holds no other channel back', async () => {
    const seen = since();
    await fire([{ labels: { alertname: 'EdgeDown', severity: 'critical', cause: 'edge' }, summary: 'The edge is away' }]);
    await vi.waitFor(() => expect(seen.of('broken').length).toBeGreaterThan(2), { timeout: 30_000, interval: 200 });
    await vi.waitFor(() => expect(seen.of('stuck').length).toBeGreaterThan(1), { timeout: 30_000, interval: 200 });
    for (const name of ['team', 'desk', 'phone', 'tablet'])
      await vi.waitFor(() => expect(seen.of(name), name).toHaveLength(1), { timeout: 30_000, interval: 200 });
    const deliveries = await alerts.alertmanager.deliveries();
    expect(deliveries.broken?.problem).toBe('it answers 500');
    expect(deliveries.desk?.problem).toBeUndefined();
    await fire([{ labels: { alertname: 'EdgeDown', severity: 'critical', cause: 'edge' }, endsAt: new Date().toISOString() }]);
  }, 60_000);

  it('arrives grouped where there are a thousand at once', async () => {
    const seen = since();
    const labels = (at: number) => ({
      alertname: 'CertificateExpires',
      severity: 'critical',
      cause: 'certificate',
      site: `s${at}.example.org`,
    });
    await fire(Array.from({ length: 500 }, (_, at) => ({ labels: labels(at), summary: `The certificate of s${at} expires` })));
    await fire(Array.from({ length: 500 }, (_, at) => ({ labels: labels(at + 500), summary: `The certificate of s${at + 500} expires` })));
    await vi.waitFor(() => expect(seen.of('desk').some((body) => body.includes('and 999 more'))).toBe(true), {
      timeout: 30_000,
      interval: 200,
    });
    const told = JSON.parse(seen.of('desk').find((body) => body.includes('and 999 more')) ?? '');
    expect([told.alerts.length, told.truncatedAlerts]).toEqual([100, 900]);
    for (const name of ['team', 'desk', 'phone']) expect(seen.of(name).length, name).toBeLessThan(4);
    await vi.waitFor(() => expect(seen.mails().some((text) => text.includes('And 980 more: medianest alerts'))).toBe(true), {
      timeout: 30_000,
      interval: 200,
    });
  }, 60_000);

  it('is held back by a silence, and told again after it', async () => {
    const made = await silence(alerts.context, alerts.project, 'archive', new Date(Date.now() + 3_600_000), 'the disk is replaced');
    expect(await listSilences(alerts.context, alerts.project)).toMatchObject([
      { id: made.id, label: 'cause', value: 'archive', why: 'the disk is replaced' },
    ]);
    const seen = since();
    await fire([{ labels: { alertname: 'WalArchiveFails', severity: 'critical', cause: 'archive' }, summary: 'WAL waits' }]);
    await new Promise((resolve) => setTimeout(resolve, 7000));
    expect(seen.of('desk').filter((body) => body.includes('WAL waits'))).toEqual([]);
    const { alerts: listed } = await listAlerts(alerts.context, alerts.project);
    expect(listed.find(({ name }) => name === 'WalArchiveFails')).toMatchObject({ silenced: true });
    await endSilences(alerts.context, alerts.project, 'archive');
    await vi.waitFor(() => expect(seen.of('desk').some((body) => body.includes('WAL waits'))).toBe(true), {
      timeout: 30_000,
      interval: 200,
    });
    await expect(silence(alerts.context, alerts.project, 'WalArchivFails', new Date(), 'x')).rejects.toThrow(
      /did you mean `WalArchiveFails`/,
    );
  }, 60_000);
});

it('the dead man’s switch is called while the watchdog fires', async () => {
  await fire([{ labels: { alertname: 'Watchdog', severity: 'none', cause: 'watchdog' } }]);
  await vi.waitFor(() => expect(web['dead-man']?.received[0]).toMatchObject({ method: 'GET', path: '/push?status=up' }), {
    timeout: 10_000,
  });
});

it('the relay’s log says which channel fails, and no secret', async () => {
  const logs = await docker(['logs', `${PREFIX}-alert-relay`]);
  expect(logs.stdout + logs.stderr).toContain('broken: it answers 500');
  expect(logs.stdout + logs.stderr).not.toMatch(/services\/T\/B\/x|\bt1\b|\bt2\b|\bt3\b|127\.0\.0\.1/);
});
