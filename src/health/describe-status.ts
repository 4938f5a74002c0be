import { plural } from '../core/plural.ts';
import { times } from '../docker/plan/lives.ts';
import { fold, hanging } from '../ui/fold.ts';
import type { Paint } from '../ui/paint.ts';
import { table } from '../ui/table.ts';
import type { ServiceStatus, StatusReport } from './plan/status.ts';

interface Shown {
  width: number;
  paint: Paint;
}

/** A verdict, a line for each group, and what else there is to know: on 80 columns, at a glance. */
export function describeStatus(report: StatusReport, { width, paint }: Shown): string {
  const byName = new Map<string, ServiceStatus[]>();
  for (const service of report.services) {
    const name = service.component || service.name;
    byName.set(name, [...(byName.get(name) ?? []), service]);
  }
  const groups = [...byName];
  const names = Math.max(0, ...groups.map(([name]) => name.length));
  const counts = Math.max(0, ...groups.map(([, all]) => countOf(all).length));
  const lines = groups.map(([name, all]) => {
    const count = countOf(all).padEnd(counts);
    const start = `  ${name.padEnd(names)}  `;
    return hanging(`${start}${count}  `, groupText(all), width, `${start}${paint(all.every(isWell) ? 'ok' : 'fail', count)}  `);
  });
  return [...head(report, { width, paint }), ...lines, ...foot(report, width)].join('\n');
}

/** Every service with its state, traffic, role, image and addresses. */
export function describeStatusWide(report: StatusReport, { width, paint }: Shown): string {
  const balanced = report.services.some((service) => service.traffic);
  const grouped = report.services.some((service) => service.role);
  const heads = ['SERVICE', 'STATE', 'HEALTH', ...(balanced ? ['TRAFFIC'] : []), ...(grouped ? ['ROLE'] : []), 'IMAGE', 'ADDRESSES'];
  const rows = report.services.map((service) => [
    service.name,
    stateText(service),
    service.health,
    ...(balanced ? [service.traffic ? trafficText(service.traffic) : '-'] : []),
    ...(grouped ? [roleText(service)] : []),
    service.image,
    Object.values(service.addresses).join(' '),
  ]);
  return [...head(report, { width, paint }), ...(rows.length > 0 ? [table([heads, ...rows], width)] : []), ...foot(report, width)].join(
    '\n',
  );
}

/** `medianest (prod): 20/20 healthy, postgres-1 leads, https://media.example`. */
function head(report: StatusReport, { width, paint }: Shown): string[] {
  const { project, profile, services, state, urls } = report;
  const bad = services.filter((service) => !isWell(service));
  const start = `${project} (${profile}): `;
  if (state === 'stopped') return [`${start}${paint('fail', 'stopped')}, medianest up starts it`];
  const count = `${services.length - bad.length}/${services.length} healthy`;
  const tone = bad.length === 0 ? 'ok' : 'fail';
  const rest = [...leaderText(services), ...urls.slice(0, 1)];
  // Its words are coloured once they stand on their lines.
  const verdict = fold([start + count, ...rest].join(', '), width, 2).replace(count, paint(tone, count));
  return bad.length === 0 ? [verdict] : [verdict, fold(`  ${bad.map(wrongText).join(', ')}`, width)];
}

const foot = ({ notes, urls, state }: StatusReport, width: number): string[] =>
  [...notes, ...urls.slice(state === 'stopped' ? 0 : 1)].map((line) => fold(line, width, 2));

/** It runs, nothing says that it is not healthy, and its group counts on it. */
const isWell = ({ state, health, ok }: ServiceStatus): boolean =>
  state === 'running' && (health === 'healthy' || health === 'none') && ok !== false;

const countOf = (all: readonly ServiceStatus[]): string => `${all.filter(isWell).length}/${all.length}`;

/** Who leads the database: of the other groups their own lines tell. */
function leaderText(services: readonly ServiceStatus[]): string[] {
  const members = services.filter(({ group, role }) => group === 'database' && role);
  if (members.length === 0) return [];
  const leader = members.find(({ role }) => role === 'leader');
  return [leader ? `${leader.name} leads` : 'no leader elected'];
}

/** `app-2 unhealthy`, `redis-3 missing`. */
function wrongText(service: ServiceStatus): string {
  const { name, state, health, ok } = service;
  if (state !== 'running') return `${name} ${stateText(service)}`;
  if (health !== 'healthy' && health !== 'none') return `${name} ${health}`;
  return ok === false ? `${name} does not answer its group, or its data is behind` : name;
}

function groupText(all: readonly ServiceStatus[]): string {
  const leaders = all.filter(({ role }) => role === 'leader');
  const asked = all.some(({ role }) => role);
  const lead =
    leaders.length === 1
      ? [`${leaders[0]?.name} leads`, ...behind(all)]
      : leaders.length > 1
        ? [`${leaders.map(({ name }) => name).join(', ')} lead`]
        : asked
          ? ['no leader elected']
          : [];
  const restarted = all.filter(({ restarts }) => restarts).map(({ name, restarts }) => `${name} restarted ${times(restarts ?? 0)}`);
  return [...lead, ...trafficOf(all), ...restarted].join(', ');
}

/** `postgres-2 lags 12.0 MiB`. */
const behind = (all: readonly ServiceStatus[]): string[] =>
  all
    .filter(({ role, details }) => role === 'replica' && details?.lag !== undefined && details.lag !== '0 B')
    .map(({ name, details }) => `${name} lags ${details?.lag}`);

/** What all replicas of an application are asked together, and those that the balancer sends nothing to. */
function trafficOf(all: readonly ServiceStatus[]): string[] {
  const seen = all.flatMap(({ name, traffic }) => (traffic ? [{ name, traffic }] : []));
  if (seen.length === 0) return [];
  const sum = (key: 'requestsPerSecond' | 'queued' | 'failed') => seen.reduce((total, { traffic }) => total + traffic[key], 0);
  const out = seen.filter(({ traffic }) => !traffic.state.startsWith('UP')).map(({ name, traffic }) => `${name} ${traffic.state}`);
  return [
    `${plural(sum('requestsPerSecond'), 'request')}/s`,
    ...(sum('queued') > 0 ? [`${sum('queued')} waiting`] : []),
    ...(sum('failed') > 0 ? [`${sum('failed')} failed`] : []),
    ...out,
  ];
}

/** `running, restarted 3 times`. */
const stateText = ({ state, restarts }: ServiceStatus): string => (restarts ? `${state}, restarted ${times(restarts)}` : state);

function trafficText(seen: NonNullable<ServiceStatus['traffic']>): string {
  const waiting = seen.queued > 0 ? `, ${seen.queued} waiting` : '';
  return `${seen.state} ${seen.requestsPerSecond}/s${waiting}${seen.failed > 0 ? `, ${seen.failed} failed` : ''}`;
}

/** `leader, timeline 3`. */
function roleText({ role: own, details = {} }: ServiceStatus): string {
  if (!own) return '-';
  return [own, ...Object.entries(details).map(([name, value]) => `${name} ${value}`)].join(', ');
}
