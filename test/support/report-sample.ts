import type { Point, Series, Span } from '../../src/metrics/plan/samples.ts';
import type { Report } from '../../src/report/plan/report.ts';
import { PANELS } from '../../src/services/monitoring/panels/panels.ts';
import { topology } from '../../src/topology/plan/topology.ts';
import { runningContainer } from './plan-facts.ts';
import { load, stackOf } from './settings.ts';

const AT = Date.UTC(2026, 10, 29, 14, 3);
const iso = (daysAgo: number) => new Date(AT - daysAgo * 86_400_000).toISOString();
const SPAN: Span = { start: AT / 1000 - 30 * 86_400, end: AT / 1000, step: 21_600 };

const wave = (labels: Record<string, string>, middle: number, swing: number): Series => ({
  labels,
  points: Array.from({ length: 121 }, (_, index): Point => [SPAN.start + index * SPAN.step, middle + swing * Math.sin(index / 7)]),
});

/** A name as nasty as a name can be. */
export const NASTY = '"><script>alert(1)</script>';

/** A report of prod with something in every part. */
export function sampleReport(): Report {
  const stack = stackOf(load({ flags: { profile: 'prod' } }));
  const containers = stack.services.map(({ name }) => runningContainer(name, undefined));
  return {
    project: 'medianest',
    profile: 'prod',
    version: '0.4.0',
    at: iso(0),
    days: 30,
    verdict: {
      value: {
        status: 'warn',
        checks: [
          { id: 'a', status: 'ok', message: 'the database answers' },
          { id: 'b', status: 'warn', message: `the replica ${NASTY} lags`, remedy: 'medianest why postgres-2' },
        ],
      },
    },
    topology: { value: topology(stack, {}, { containers, members: {} }) },
    slo: {
      value: {
        sites: [{ site: 'media.example.org', availability: 0.99962, awaySeconds: 985, p50: 0.021, p95: 0.083, p99: 0.31 }],
        requests: { total: 1_204_331, failed: 412 },
        measured: 0.97,
        measuredSeconds: 2_514_240,
        since: SPAN.start,
      },
    },
    panels: {
      value: PANELS.map((panel, index) => ({
        panel,
        span: SPAN,
        series: panel.by
          ? ['one', 'a-much-longer-name-of-a-thing', NASTY].map((name, at) => wave({ [panel.by as string]: name }, 1 + at, 0.3))
          : index % 7 === 6
            ? []
            : [wave({}, 2, 1)],
      })),
    },
    certificates: {
      value: [
        {
          name: 'edge',
          subjects: ['media.example.org'],
          issuer: 'R11',
          source: 'acme',
          notAfter: iso(-62),
          daysLeft: 62,
          serial: '1',
          servedSerial: '1',
          status: 'ok',
        },
        {
          name: 'app',
          subjects: ['app'],
          issuer: 'CA',
          source: 'internal-ca',
          notAfter: iso(-5),
          daysLeft: 5,
          serial: '2',
          servedSerial: '2',
          status: 'expiring',
          cause: 'expires in 5 days',
        },
        {
          name: 'old',
          subjects: ['old'],
          issuer: '-',
          source: 'imported',
          notAfter: null,
          daysLeft: null,
          serial: null,
          servedSerial: null,
          status: 'missing',
          cause: 'is not there yet',
        },
      ],
    },
    backups: {
      value: {
        sets: [0.1, 1, 7, 14, 21].map((ago, index) => ({
          id: `set-${index}`,
          type: ago < 1 ? 'diff' : 'full',
          at: iso(ago),
          sizeBytes: 3e7,
          storedBytes: 4e6,
          status: index === 3 ? 'damaged' : 'verified',
        })),
        drills: [
          { set: 'set-4', at: iso(21), rpoSeconds: 1.4, rtoSeconds: 41 },
          { set: 'set-2', at: iso(7), rpoSeconds: 0.8, rtoSeconds: 38 },
        ],
        newestAgeSeconds: 8640,
        longestGapSeconds: 604_800,
        places: [
          { place: 'here', bytes: 12e9, free: 80e9, fullInDays: 41 },
          { place: 'nas', bytes: 9e9, free: null, fullInDays: null },
        ],
        failed: [{ time: iso(3), user: 'root', command: 'medianest backup', result: 'failed', error: 'REPOSITORY_AWAY', seconds: 2 }],
      },
    },
    releases: { value: [{ id: 'r1', image: 'ghcr.io/you/app:1.5.0', time: iso(9), user: 'maria', result: 'deployed', seconds: 31 }] },
    incidents: {
      value: [
        {
          alert: 'CacheNodeDown',
          severity: 'warning',
          cause: 'cache-node',
          instance: 'redis-6',
          why: 'A node of the cache is away.',
          from: iso(4),
          to: iso(3.99),
          healedBy: 'the agent restarted redis-6: unhealthy',
        },
        { alert: 'EdgeDown', severity: 'critical', cause: 'edge', instance: NASTY, why: null, from: iso(12), to: null, healedBy: null },
      ],
    },
    healing: { value: [{ at: iso(4), service: 'redis-6', what: 'restarted', why: 'unhealthy' }] },
    changes: { value: [{ time: iso(9), user: 'maria', command: 'medianest deploy', result: 'done', seconds: 31 }] },
    disks: {
      value: [{ mountpoint: '/', free: 7e10, size: 2.7e11, fullInDays: 84, perDay: 8.3e8, measuredSeconds: 2_500_000 }],
    },
  };
}

/** The same where nothing could be read. */
export function blankReport(): Report {
  const missing = { missing: 'Cannot tell: the engine does not answer. Fix: `systemctl start docker`' };
  const known = Object.entries(sampleReport()).map(([key, value]) => [key, typeof value === 'object' ? missing : value]);
  return Object.fromEntries(known) as Report;
}
