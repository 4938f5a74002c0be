import { expect, it } from 'vitest';
import { overSince } from '../../../src/alerts/plan/alertmanager.ts';

const told = (labels: Record<string, string>) => ({ status: 'firing' as const, labels, annotations: {}, startsAt: '', endsAt: '' });
const at = '2026-11-30T18:38:00Z';

it('an alert whose expression is false is over, though it still fires', () => {
  const labels = { alertname: 'NoReplicaReady', severity: 'critical', cause: 'application', job: 'balancer' };
  expect(overSince(told(labels), [{ labels, keepFiringSince: at }])).toBe(at);
  expect(overSince(told(labels), [{ labels }])).toBeUndefined();
  expect(overSince(told(labels), [])).toBeUndefined();
});

it('labels that Prometheus adds on the way to Alertmanager do not hide it', () => {
  const mine = { alertname: 'Mine', instance: 'a', severity: 'warning', cause: 'Mine' };
  expect(overSince(told(mine), [{ labels: { alertname: 'Mine', instance: 'a', severity: '' }, keepFiringSince: at }])).toBe(at);
});

it('the end of one instance is not the end of another, and what fits twice is not over', () => {
  const b = { alertname: 'ReplicaDown', instance: 'b' };
  expect(overSince(told(b), [{ labels: { ...b, instance: 'a' }, keepFiringSince: at }])).toBeUndefined();
  expect(overSince(told(b), [{ labels: b }, { labels: { alertname: 'ReplicaDown' }, keepFiringSince: at }])).toBeUndefined();
});
