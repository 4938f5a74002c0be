import { describe, expect, it } from 'vitest';
import { type Alert, notification, parseNotification, rootFirst } from '../../../src/alerts/plan/notification.ts';
import { type Channel, mailOf, requestsOf } from '../../../src/alerts/plan/requests.ts';
import { bodyOf, shortOf, titleOf } from '../../../src/alerts/plan/text.ts';

const alert = (alertname: string, cause: string, more: Partial<Alert> & { severity?: string; summary?: string } = {}): Alert => ({
  status: more.status ?? 'firing',
  labels: { alertname, cause, severity: more.severity ?? 'critical', ...more.labels },
  annotations: { summary: more.summary ?? `${alertname} happened`, fix: 'medianest status', ...more.annotations },
  startsAt: '2026-11-29T10:00:00Z',
  endsAt: '2026-11-29T10:05:00Z',
});
const database = alert('DatabaseNoLeader', 'database', { summary: 'No leader elected' });
const replica = alert('ReplicaDown', 'replica', { severity: 'warning', summary: 'app-1 is not ready' });

describe('the order of alerts', () => {
  it('is what fires before what is over, then the severity, then the root cause', () => {
    const over = alert('DiskFull', 'disk', { status: 'resolved' });
    const edge = alert('EdgeDown', 'edge');
    const names = rootFirst([over, replica, edge, database]).map(({ labels }) => labels.alertname);
    expect(names).toEqual(['DatabaseNoLeader', 'EdgeDown', 'ReplicaDown', 'DiskFull']);
  });
  it('puts a cause of a rule of the operator’s last', () => {
    const own = alert('Mine', 'printer');
    expect(rootFirst([own, database])[1]).toBe(own);
  });
});

describe('a message', () => {
  const told = notification('home', 'desk', [replica, database], 3);
  it('has the root cause in its title, and how many more there are', () => {
    expect(titleOf(told)).toBe('CRITICAL home: No leader elected (and 4 more)');
    expect(titleOf(notification('home', 'desk', [database]))).toBe('CRITICAL home: No leader elected');
    expect(titleOf(notification('home', 'desk', [{ ...database, status: 'resolved' }]))).toBe('RESOLVED home: No leader elected');
  });
  it('says cause, effect and the command', () => {
    expect(bodyOf(told)).toBe(`CRITICAL: No leader elected
  Cause: The database has no leader, or is not reached.
  Effect: Requests and sign-ins are not stored, and visitors get errors.
  Fix: medianest status
  Since: 2026-11-29 10:00:00 UTC (DatabaseNoLeader)

WARNING: app-1 is not ready
  Cause: A replica of the application is away.
  Effect: Visitors notice nothing while the other replicas serve; they may wait longer.
  Fix: medianest status
  Since: 2026-11-29 10:00:00 UTC (ReplicaDown)

And 3 more: medianest alerts`);
  });
  it('says when it was over, and no fix', () => {
    expect(bodyOf(notification('home', 'desk', [{ ...database, status: 'resolved' }]))).toBe(
      'RESOLVED: No leader elected\n  Since: 2026-11-29 10:00:00 UTC, until 2026-11-29 10:05:00 UTC (DatabaseNoLeader)',
    );
  });
  it('fits one SMS with its fix, however long it is', () => {
    const long = notification('home', 'pager', [alert('X', 'disk', { summary: 'x'.repeat(300) })]);
    expect(shortOf(long).length).toBeLessThanOrEqual(160);
    expect(shortOf(long)).toMatch(/\.\.\.\. Fix: medianest status$/);
    expect(shortOf(notification('home', 'pager', [database]))).toBe('CRITICAL home: No leader elected. Fix: medianest status');
  });
  it('is one line where a line break would begin another one', () => {
    const broken = alert('X', 'disk', { summary: 'a\r\nBcc: x@example.org', annotations: {} });
    expect(titleOf(notification('home', 'desk', [broken]))).toBe('CRITICAL home: a Bcc: x@example.org');
  });
  it('is read from what Alertmanager sends, and nothing else is', () => {
    const body = { version: '4', receiver: 'desk', status: 'firing', truncatedAlerts: 2, alerts: [{ ...database }] };
    expect(parseNotification(body as never, 'home')).toMatchObject({ project: 'home', receiver: 'desk', truncated: 2, status: 'firing' });
    for (const wrong of [{}, { receiver: 'x' }, { receiver: 'x', alerts: [{}] }])
      expect(() => parseNotification(wrong as never, 'home')).toThrow(/not a notification|without labels/);
  });
});

describe('a channel is sent', () => {
  const channel = (kind: Channel['kind'], more: Partial<Channel> = {}): Channel => ({
    name: 'c',
    kind,
    tls: 'starttls',
    form: false,
    ...more,
  });
  const told = notification('home', 'c', [database]);
  const [sent] = [(one: Channel) => requestsOf(one, told).map(({ body, ...rest }) => ({ ...rest, body }))];
  it('text by Slack, with its three characters escaped', () => {
    const odd = notification('home', 'c', [alert('X', 'disk', { summary: '<!channel> & more' })]);
    const [request] = requestsOf(channel('slack', { url: 'https://hooks.slack.com/x' }), odd);
    expect(JSON.parse(request?.body ?? '').text).toContain('*CRITICAL home: &lt;!channel&gt; &amp; more*');
  });
  it('JSON by ntfy, to its root, louder where it is critical', () => {
    const [request] = sent(channel('ntfy', { url: 'https://ntfy.sh', topic: 'media', token: 't' }));
    expect(request).toMatchObject({ url: 'https://ntfy.sh', headers: { Authorization: 'Bearer t' } });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ topic: 'media', priority: 5, title: 'CRITICAL home: No leader elected' });
    const [calm] = requestsOf(channel('ntfy', { url: 'https://ntfy.sh', topic: 'm' }), notification('home', 'c', [replica]));
    expect(JSON.parse(calm?.body ?? '')).toMatchObject({ priority: 4 });
  });
  it('a message by Gotify, below its base', () => {
    const [request] = sent(channel('gotify', { url: 'https://g.example.org/base/', token: 't' }));
    expect(request).toMatchObject({ url: 'https://g.example.org/base/message', headers: { 'X-Gotify-Key': 't' } });
    expect(JSON.parse(request?.body ?? '')).toMatchObject({ priority: 10 });
  });
  it('Alertmanager’s own shape by a webhook', () => {
    const [request] = sent(channel('webhook', { url: 'https://h.example.org', token: 't' }));
    expect(JSON.parse(request?.body ?? '')).toMatchObject({
      version: '4',
      status: 'firing',
      title: 'CRITICAL home: No leader elected',
      commonLabels: { cause: 'database' },
      alerts: [{ labels: { alertname: 'DatabaseNoLeader' } }],
    });
  });
  it('one request for each number by a gateway, as JSON or as a form', () => {
    const asJson = sent(channel('sms', { url: 'https://s.example.org', to: ['+1', '+2'] }));
    expect(asJson.map(({ body }) => JSON.parse(body).to)).toEqual(['+1', '+2']);
    const fields = { To: '{to}', Body: '{text}', From: 'me & you' };
    const [form] = sent(channel('sms', { url: 'https://s.example.org', to: ['+1'], form: true, fields, user: 'u', password: 'p' }));
    expect(form?.headers.Authorization).toBe('Basic dTpw');
    expect(Object.fromEntries(new URLSearchParams(form?.body))).toEqual({
      To: '+1',
      From: 'me & you',
      Body: 'CRITICAL home: No leader elected. Fix: medianest status',
    });
  });
  it('a mail, which is short where it becomes an SMS', () => {
    const mail = { host: 'm.example.org', from: 'a@example.org', to: ['b@example.org'] };
    expect(mailOf(channel('email', mail), told)).toMatchObject({ subject: 'CRITICAL home: No leader elected', to: ['b@example.org'] });
    expect(mailOf(channel('sms', mail), told)).toMatchObject({ subject: '', text: expect.stringMatching(/^.{1,160}$/) });
    expect(mailOf(channel('slack'), told)).toBeUndefined();
  });
});
