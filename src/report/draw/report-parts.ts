import { HERE } from '../../backup/metrics/plan/repository-size.ts';
import type { CertificateRow } from '../../certificates/plan/certificate-report.ts';
import { bytes } from '../../core/plural.ts';
import { durationText, utcText } from '../../core/time.ts';
import type { BackupView } from '../plan/backups.ts';
import type { DiskForecast } from '../plan/forecast.ts';
import type { Change, HealingAction, Incident } from '../plan/incidents.ts';
import type { ListedRelease, ReportHead } from '../plan/report.ts';
import type { Slo } from '../plan/slo.ts';
import { chart } from './chart.ts';
import { dayText, secondsText, valueText } from './format.ts';
import { figures, missing, table } from './parts.ts';
import { type Lane, timeline } from './timeline.ts';

const DAY_MS = 86_400_000;
/** Rows of a table that a page shows; the rest is counted. */
const MOST_ROWS = 40;

const plain = (text: string): string => `<p>${text}</p>`;

/** The first rows, and how many there are besides. */
function rows<T>(label: string, heads: readonly string[], all: readonly T[], cells: (entry: T) => readonly string[]): string {
  const more = all.length - MOST_ROWS;
  return table(label, heads, all.slice(0, MOST_ROWS).map(cells)) + (more > 0 ? `<p class="soft">and ${more} more</p>` : '');
}

export function slo({ sites, requests, measured, measuredSeconds }: Slo): string {
  const ofSites = sites.flatMap(({ site, availability, awaySeconds, p50, p95, p99 }): [string, string][] => [
    [valueText(availability, 'percent'), `of requests to ${site} succeeded`],
    [awaySeconds === 0 ? 'never' : durationText(awaySeconds), `${site} did not answer`],
    [secondsText(p95), `${site}: 95 of 100 answers come within (50: ${secondsText(p50)}, 99: ${secondsText(p99)})`],
  ]);
  const errors: [string, string][] =
    requests && requests.total > 0
      ? [
          [
            valueText(requests.failed / requests.total, 'percent'),
            `of ${requests.total} requests to the application ended in an error (5xx)`,
          ],
        ]
      : [];
  const all = [...ofSites, ...errors];
  const share = measured < 0.99 ? `: ${valueText(measured, 'percent')} of the time. What was not measured counts neither way` : '';
  return (
    (all.length > 0 ? figures(all) : missing('Not measured: no request of a visitor was measured in this time.')) +
    `<p class="soft">Measured for ${durationText(measuredSeconds)}${share}.</p>`
  );
}

export function incidents(all: readonly Incident[], { at, days }: ReportHead): string {
  if (all.length === 0) return plain('No alert fired.');
  const end = Date.parse(at);
  const kinds = new Map<string, Incident[]>();
  for (const incident of all) kinds.set(incident.alert, [...(kinds.get(incident.alert) ?? []), incident]);
  const lanes = [...kinds].slice(0, 12).map(([name, own]): Lane => {
    const status = own.some(({ severity }) => severity === 'critical') ? 'fail' : 'warn';
    const marks = own.map(
      ({ from, instance }) => ({ at: Date.parse(from), status, title: `${instance ?? name}, ${utcText(from)}` }) as const,
    );
    return { name, said: own.length === 1 ? 'once' : `${own.length} times`, status, marks };
  });
  const told = rows('Incidents', ['From', 'Lasted up to', 'Alert', 'About', 'Healed by'], all, (incident) => [
    utcText(incident.from),
    incident.to === null ? 'still fires' : durationText((Date.parse(incident.to) - Date.parse(incident.from)) / 1000),
    `${incident.alert} (${incident.severity})`,
    [incident.instance, incident.why].filter(Boolean).join(': '),
    incident.healedBy ?? (incident.to === null ? '' : 'ended by itself, or outside medianest'),
  ]);
  return timeline('When alerts began to fire', lanes, [end - days * DAY_MS, end]) + told;
}

export function healing(all: readonly HealingAction[]): string {
  if (all.length === 0) return plain('Nothing, as far back as the agent’s log reaches.');
  return rows('What the agent did', ['When', 'Service', 'What', 'Why'], [...all].reverse(), ({ at, service, what, why }) => [
    utcText(at),
    service,
    what,
    why,
  ]);
}

export function backups(
  { sets, drills, newestAgeSeconds, longestGapSeconds, failed, places }: BackupView,
  { at, days }: ReportHead,
): string {
  if (newestAgeSeconds === null && sets.length === 0) return missing('There is no backup yet: `medianest backup --type full`.');
  const end = Date.parse(at);
  const span: [number, number] = [end - days * DAY_MS, end];
  const last = drills.at(-1);
  const lanes = (['full', 'diff', 'incr'] as const).flatMap((type): Lane[] => {
    const own = sets.filter((set) => set.type === type);
    const marks = own.map((set) => ({
      at: Date.parse(set.at),
      status: set.status === 'damaged' ? ('fail' as const) : ('ok' as const),
      title: `${set.id}: ${set.status}, ${bytes(set.sizeBytes)}`,
    }));
    return own.length === 0 ? [] : [{ name: type, said: `${own.length} kept`, status: 'plain', marks }];
  });
  const failures: Lane[] =
    failed.length === 0
      ? []
      : [
          {
            name: 'failed',
            said: String(failed.length),
            status: 'fail',
            marks: failed.map(({ time, command }) => ({ at: Date.parse(time), status: 'fail', title: command })),
          },
        ];
  const first = Math.min(...drills.map((drill) => Date.parse(drill.at)), span[0]) / 1000;
  const measured = (name: string, key: 'rpoSeconds' | 'rtoSeconds') => ({
    labels: { name },
    points: drills.map((drill) => [Date.parse(drill.at) / 1000, drill[key]] as const),
  });
  const overTime = (title: string, name: string, key: 'rpoSeconds' | 'rtoSeconds') =>
    chart({ title, unit: 'seconds', span: { start: first, end: end / 1000, step: 1 }, series: [measured(name, key)], dots: true });
  return [
    figures([
      [newestAgeSeconds === null ? 'none' : durationText(newestAgeSeconds), 'age of the newest good set'],
      [longestGapSeconds === null ? 'none' : durationText(longestGapSeconds), 'longest time between two sets that are kept'],
      [last ? secondsText(last.rpoSeconds) : 'not measured', 'RPO of the last drill: so much would have been lost'],
      [last ? secondsText(last.rtoSeconds) : 'not measured', 'RTO of the last drill: so long the recovery took'],
    ]),
    places.length > 0
      ? rows('Where they are', ['Place', 'Takes', 'Free', 'Full in'], places, ({ place, bytes: size, free, fullInDays }) => [
          place === HERE ? 'the repository' : `the copy ${place}`,
          bytes(size),
          free === null ? 'not told' : bytes(free),
          fullInDays === null ? 'not known' : `${Math.floor(fullInDays)} days`,
        ])
      : '',
    lanes.length + failures.length > 0 ? timeline('Backups', [...lanes, ...failures], span) : plain('No set of this time is kept.'),
    drills.length > 0
      ? `<div class="charts">${overTime('RPO in drills', 'RPO', 'rpoSeconds')}${overTime('RTO in drills', 'RTO', 'rtoSeconds')}</div>`
      : missing('No set that is kept was restored in a drill: `medianest drill` measures RPO and RTO.'),
    failed.length > 0
      ? rows('Failed', ['When', 'Command', 'Ended', 'Why'], failed, ({ time, command, result, error }) => [
          utcText(time),
          command,
          result,
          error ?? '',
        ])
      : '',
  ].join('\n');
}

export function certificates(all: readonly CertificateRow[], at: string): string {
  if (all.length === 0) return plain('This stack has no certificate.');
  const now = Date.parse(at);
  const ends = all.flatMap(({ notAfter }) => (notAfter ? [Date.parse(notAfter)] : []));
  const bad = ['expired', 'missing', 'damaged', 'not-served', 'untrusted', 'revoked'];
  const lanes = [...all]
    .sort((a, b) => (a.notAfter ?? '').localeCompare(b.notAfter ?? ''))
    .map(({ name, notAfter, daysLeft, status, source, cause }): Lane => {
      const said = notAfter === null ? status : `${daysLeft} days, until ${dayText(notAfter)}`;
      const shown = status === 'ok' ? 'ok' : bad.includes(status) ? 'fail' : 'warn';
      return {
        name: `${name} (${source})`,
        said: status === 'ok' ? said : `${said}: ${cause ?? status}`,
        status: shown,
        ...(notAfter !== null && { bar: [now, Date.parse(notAfter)] as const }),
      };
    });
  // A certificate of ten years would leave no room for those that are about to end.
  const until = Math.min(now + 400 * DAY_MS, Math.max(now + 30 * DAY_MS, ...ends));
  return timeline('Until when each certificate is valid', lanes, [now, until]);
}

export function disks(all: readonly DiskForecast[]): string {
  if (all.length === 0)
    return missing('Not measured: Prometheus has no disk of this host. `components: { node-exporter: true }` measures it.');
  return rows(
    'Disks',
    ['Disk', 'Free', 'Of', 'Each day', 'Full in'],
    all,
    ({ mountpoint, free, size, perDay, fullInDays, measuredSeconds }) => [
      mountpoint,
      bytes(free),
      bytes(size),
      perDay === null
        ? `cannot tell: measured for ${durationText(measuredSeconds)}, a day is needed`
        : `${perDay < 0 ? '−' : '+'}${bytes(Math.abs(Math.round(perDay)))}`,
      perDay === null
        ? 'cannot tell'
        : fullInDays === null
          ? 'it does not fill'
          : fullInDays > 3650
            ? 'more than 10 years'
            : `${Math.floor(fullInDays)} days`,
    ],
  );
}

export function releases(all: readonly ListedRelease[]): string {
  if (all.length === 0) return plain('None yet.');
  return rows(
    'Releases',
    ['When', 'Release', 'Image', 'By', 'Result', 'Took'],
    [...all].reverse(),
    ({ time, id, image, user, result, seconds, error }) => [
      utcText(time),
      id,
      image,
      user,
      error ? `${result}: ${error}` : result,
      durationText(seconds),
    ],
  );
}

export function changes(all: readonly Change[]): string {
  if (all.length === 0) return plain('Nothing.');
  return rows('What was changed', ['When', 'Who', 'Command', 'Result', 'Took'], all, ({ time, user, command, result, error, seconds }) => [
    utcText(time),
    user,
    command,
    error ? `${result}: ${error}` : result,
    durationText(seconds),
  ]);
}
