import { expect, it } from 'vitest';
import { alertCheck, alertsIn, LINES_READ, unreadAlerts } from '../../../src/intrusion/plan/alerts.ts';

const now = new Date('2026-11-30T12:00:00Z');
const long = now.getTime() - 90_000_000;
const line = (minutesAgo: number, signature: string, from = '203.0.113.7') =>
  JSON.stringify({
    // As Suricata writes it: microseconds, and the zone without a colon.
    timestamp: new Date(now.getTime() - minutesAgo * 60_000).toISOString().replace('Z', '123+0000'),
    event_type: 'alert',
    src_ip: from,
    alert: { signature, signature_id: 9100002 },
  });

it('reads alerts among the lines of the log, and nothing else', () => {
  const lines = [
    line(1, 'SQL'),
    'W: af-packet: br-x: failed to poll',
    '{"cut',
    '{"event_type":"stats","timestamp":"2026-11-30T12:00:00.000000+0000"}',
  ];
  expect(alertsIn(lines)).toEqual([{ at: now.getTime() - 60_000, signature: 'SQL', from: '203.0.113.7' }]);
});

it('tells what the last hour had, by rule, the most frequent first', () => {
  const lines = [
    line(90, 'old'),
    line(3, 'SQL'),
    ...[1, 2, 3].map((number) => line(number, 'traversal', `203.0.113.${number}`)),
    ...['a', 'b'].map((name) => line(1, name)),
  ];
  const check = alertCheck(alertsIn(lines), now, lines.length, long);
  expect(check).toMatchObject({ id: 'intrusion', status: 'warn', value: 6 });
  expect(check.message).toBe(
    '6 alerts of Suricata within an hour: traversal (3, from 203.0.113.1, 203.0.113.2 and others); SQL (1, from 203.0.113.7); a (1, from 203.0.113.7); and 1 more rule; 7 within a day',
  );
  const before = alertsIn([line(61, 'old'), line(1441, 'older')]);
  expect(alertCheck(before, now, 2, long)).toMatchObject({ status: 'ok', value: 0, message: expect.stringMatching(/; 1 within a day$/) });
  expect(alertCheck(before, now, LINES_READ, long)).toMatchObject({ message: expect.stringMatching(/; at least 1 within a day$/) });
});

it('tells since when it counts, where the container is younger than that', () => {
  const alerts = alertsIn([line(61, 'old')]);
  const told = (created: number | undefined) => alertCheck(alerts, now, 1, created).message;
  expect(told(now.getTime() - 7_200_000)).toBe(
    'Suricata has seen no attack in dmz for an hour; 1 since 2026-11-30 10:00:00 UTC, when its log began',
  );
  expect(alertCheck([], now, 0, now.getTime() - 60_000).message).toBe(
    'Suricata has seen no attack in dmz since 2026-11-30 11:59:00 UTC, when its log began; 0 since 2026-11-30 11:59:00 UTC, when its log began',
  );
  expect(told(undefined)).toBe(
    'Suricata has seen no attack in dmz for an hour, as far as its log goes back; 1 within a day, as far as its log goes back',
  );
});

it('does not take a log that cannot be read for a quiet one', () => {
  expect(unreadAlerts('the engine does not answer')).toMatchObject({ status: 'warn', message: expect.stringContaining('cannot be told') });
});
