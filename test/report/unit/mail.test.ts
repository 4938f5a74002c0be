import { afterEach, describe, expect, it } from 'vitest';
import { sendMail } from '../../../src/alerts/channels/send.ts';
import type { Channel } from '../../../src/alerts/plan/requests.ts';
import { reportMail } from '../../../src/report/draw/mail.ts';
import { REPORT_SCHEDULE, subscribed } from '../../../src/report/plan/schedule.ts';
import type { AlertsSettings } from '../../../src/services/monitoring/alerts-settings.ts';
import { freePort, mailReceiver } from '../../support/alerts/receivers.ts';
import { blankReport, sampleReport } from '../../support/report-sample.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

const own = { from: 'a@b.example', to: ['c@d.example'] };

describe('the e-mail', () => {
  it('says first how it is, then what is wrong and its fix', () => {
    const { subject, text } = reportMail(sampleReport(), '<p>', own);
    expect(subject).toBe('medianest: 1 check warns');
    expect(text).toMatch(
      /^1 check warns\.\n\nWARN: the replica .* lags\n {2}Fix: medianest why postgres-2\n\nmedia\.example\.org: 99\.962 % of requests/,
    );
  });
  it('says what cannot be told', () => {
    const { subject, text } = reportMail(blankReport(), '<p>', own);
    expect(subject).toBe('medianest: Cannot tell whether all is well');
    expect(text).toContain('the engine does not answer');
  });
  it('arrives with the page as a file', async () => {
    const mail = await mailReceiver();
    open.push(mail);
    const channel: Channel = { name: 'desk', kind: 'email', tls: 'none', form: false, host: '127.0.0.1', port: mail.port, ...own };
    const page = `<!doctype html><p>${'é'.repeat(3000)}`;
    expect(await sendMail(channel, reportMail(sampleReport(), page, channel))).toBeUndefined();
    const [message = ''] = mail.received;
    expect(message).toMatch(/^Auto-Submitted: auto-generated/m);
    expect(message).toContain('filename=medianest-report-2026-11-29.html');
    const [, encoded = ''] = /medianest-report-2026-11-29\.html\r\n\r\n([\s\S]*?)\r\n-/.exec(message) ?? [];
    expect(Buffer.from(encoded, 'base64').toString('utf8')).toBe(page);
  });
  it('says why it was not accepted', async () => {
    const channel: Channel = { name: 'desk', kind: 'email', tls: 'none', form: false, host: '127.0.0.1', port: await freePort(), ...own };
    expect(await sendMail(channel, reportMail(sampleReport(), '<p>', channel))).toBe('nothing listens there');
  });
});

describe('the weekly report', () => {
  const mail = 'kind: email, host: mail.example.org, from: a@b.example, to: [c@d.example]';
  const settings = (more: string) =>
    load({
      flags: { profile: 'prod' },
      file: `observability: light\nalerts: { channels: { desk: { ${mail}${more} }, other: { ${mail} } } }`,
    });
  it('is a job only where a channel asks for it', () => {
    expect(REPORT_SCHEDULE.asked?.(settings('').settings)).toBe(false);
    expect(REPORT_SCHEDULE.asked?.(settings(', report: false').settings)).toBe(false);
    expect(REPORT_SCHEDULE.asked?.(settings(', report: true').settings)).toBe(true);
    expect(subscribed(settings(', report: true').settings.alerts as AlertsSettings)).toEqual(['desk']);
  });
  it('is for e-mail alone', () => {
    expect(() => load({ file: 'alerts: { channels: { desk: { kind: webhook, url: "https://h.example.org", report: true } } }' })).toThrow(
      /report: is no setting of `kind: webhook`/,
    );
  });
  it('changes no container when it is asked for', () => {
    expect(rendered(stackOf(settings(', report: true'))).files).toEqual(rendered(stackOf(settings(''))).files);
  });
});
