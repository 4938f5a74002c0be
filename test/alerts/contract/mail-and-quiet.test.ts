import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { testChannels } from '../../../src/alerts/test-channels.ts';
import { selfSigned } from '../../../src/certificates/ca/self-signed.ts';
import { type MailReceiver, mailReceiver, type WebReceiver, webReceiver } from '../../support/alerts/receivers.ts';
import { type RunningAlerts, runningAlerts } from '../../support/alerts/running.ts';

/** The real Alertmanager and the real relay, mail servers that speak STARTTLS, and quiet hours around this minute. */
let alerts: RunningAlerts;
const mail: Record<string, MailReceiver> = {};
let night: WebReceiver;
/** When the quiet time ends. */
let end: Date;

const LOGIN = { user: 'stack', password: 'only by TLS' };
const issue = (subject: string) => selfSigned.issue({ name: 'mail', subjects: [subject], issuer: 'self-signed', days: 2 }, new Date());
const clock = (time: Date) => time.toISOString().slice(11, 16);
const fire = (list: { name: string; severity: string; summary: string }[]) =>
  alerts.alertmanager.json(
    'POST',
    '/api/v2/alerts',
    list.map(({ name, severity, summary }) => ({
      labels: { alertname: name, severity, cause: name.toLowerCase() },
      annotations: { summary, fix: 'medianest status' },
    })),
  );
const told = () => night.received.map(({ body }) => body);

beforeAll(async () => {
  const [known, stranger, misnamed] = await Promise.all([issue('127.0.0.1'), issue('127.0.0.1'), issue('mail.example.org')]);
  mail.sealed = await mailReceiver({ ...known, ...LOGIN });
  mail.stranger = await mailReceiver({ ...stranger, ...LOGIN });
  mail.misnamed = await mailReceiver({ ...misnamed, ...LOGIN });
  mail.open = await mailReceiver();
  night = await webReceiver(200);
  // The next full minute that leaves time enough to see that nothing arrives before.
  end = new Date(Math.ceil((Date.now() + 20_000) / 60_000) * 60_000);
  const email = (name: string) =>
    `{ kind: email, host: 127.0.0.1, port: ${mail[name]?.port}, user: ${LOGIN.user}, password: "${LOGIN.password}", from: stack@example.org, to: [a@example.org], severities: [info] }`;
  alerts = await runningAlerts(
    `alerts:
  timezone: UTC
  channels:
    sealed: ${email('sealed')}
    stranger: ${email('stranger')}
    misnamed: ${email('misnamed')}
    open: ${email('open')}
    night:
      kind: webhook
      url: "http://127.0.0.1:${night.port}/hook"
      severities: [critical, warning]
      quiet: { from: "${clock(new Date(Date.now() - 120_000))}", to: "${clock(end)}" }
`,
    [
      ['group_wait: 30s', 'group_wait: 1s'],
      ['group_interval: 5m', 'group_interval: 2s'],
    ],
    known.certificate + misnamed.certificate,
  );
  await fire([
    { name: 'DatabaseNoLeader', severity: 'critical', summary: 'No leader elected' },
    { name: 'DiskFills', severity: 'warning', summary: 'The disk fills up' },
  ]);
}, 60_000);
afterAll(async () => {
  await alerts?.destroy();
  await Promise.all([...Object.values(mail), night].map((receiver) => receiver?.close()));
});

describe('an e-mail by STARTTLS', () => {
  it('arrives over TLS with its password where the certificate is verified, and nowhere else: that is told', async () => {
    const results = await testChannels(alerts.context, alerts.project, undefined);
    const words = Object.fromEntries(results.map(({ channel, problem }) => [channel, problem]));
    expect(words).toMatchObject({
      sealed: null,
      stranger: 'its certificate is signed by itself',
      misnamed: 'its certificate is for another name',
      open: 'the mail server does not speak TLS as asked',
    });
    expect(mail.sealed?.sessions).toEqual([{ secure: true, user: LOGIN.user }]);
    expect(mail.sealed?.received[0]).toMatch(/^Subject: INFO medianest: This is a test of the channel sealed/m);
    // Not even who would be told, nor by whom.
    for (const name of ['stranger', 'misnamed', 'open']) expect(mail[name]?.received, name).toEqual([]);
    const deliveries = await alerts.alertmanager.deliveries();
    expect(deliveries.stranger?.problem).toBe('its certificate is signed by itself');
  }, 60_000);
});

describe('in quiet hours', () => {
  it('what is critical is told at once, and the rest once they are over', async () => {
    await vi.waitFor(() => expect(told().some((body) => body.includes('No leader elected'))).toBe(true), {
      timeout: 15_000,
      interval: 200,
    });
    // Several looks at the group, all of them in the quiet time.
    while (Date.now() < end.getTime() - 1000) {
      expect(told().filter((body) => body.includes('The disk fills up'))).toEqual([]);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    await vi.waitFor(() => expect(told().some((body) => body.includes('The disk fills up'))).toBe(true), {
      timeout: 20_000,
      interval: 200,
    });
    const first = night.received.find(({ body }) => body.includes('The disk fills up'));
    expect(first?.at).toBeGreaterThanOrEqual(end.getTime() - 1000);
    expect(told().filter((body) => body.includes('The disk fills up'))).toHaveLength(1);
  }, 120_000);
});
