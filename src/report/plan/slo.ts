import type { Ask, Series, Span } from '../../metrics/plan/samples.ts';

/** One site as its visitors met it. */
export interface SiteSlo {
  site: string;
  /** Share of the requests that succeeded, of those that blackbox-exporter sent. */
  availability: number;
  /** So long it did not answer, as far as was measured. */
  awaySeconds: number;
  /** Seconds until an answer, that 50, 95 and 99 of 100 requests stayed below. */
  p50: number;
  p95: number;
  p99: number;
}

/** How well the stack served over the days of a report. */
export interface Slo {
  sites: SiteSlo[];
  /** Requests of visitors that reached the application, and those that it answered with an error; null without a balancer. */
  requests: { total: number; failed: number } | null;
  /** Share of the time in which Prometheus measured. */
  measured: number;
  measuredSeconds: number;
  /** When it first measured in that time (seconds since 1970); null where it did not, or began just now. */
  since: number | null;
}

const APP = 'job="balancer",proxy="app"';

/** In the order that `sloOf` reads the answers. */
export function sloAsks(span: Span): Ask[] {
  const days = `${span.end - span.start}s`;
  const ask = (query: string): Ask => ({ query, instant: true, span });
  const latency = (quantile: number) => `max by (site) (quantile_over_time(${quantile}, probe_duration_seconds{job="edge"}[${days}]))`;
  return [
    ask(`avg by (site) (avg_over_time(probe_success{job="edge"}[${days}]))`),
    ask(latency(0.5)),
    ask(latency(0.95)),
    ask(latency(0.99)),
    ask(`sum(increase(haproxy_backend_http_responses_total{${APP}}[${days}]))`),
    ask(`sum(increase(haproxy_backend_http_responses_total{${APP},code="5xx"}[${days}]))`),
    ask(`max(count_over_time(up{job="prometheus"}[${days}]))`),
    ask(`min(min_over_time(timestamp(up{job="prometheus"})[${days}:5m]))`),
  ];
}

/** @param scrape seconds between two scrapes */
export function sloOf([available, p50, p95, p99, total, failed, scrapes, first]: readonly Series[][], span: Span, scrape: number): Slo {
  const seconds = span.end - span.start;
  const measuredSeconds = Math.min(seconds, (lastOf(scrapes) ?? 0) * scrape);
  const at = (series: readonly Series[] | undefined, site: string) =>
    lastOf(series?.filter(({ labels }) => labels.site === site)) ?? Number.NaN;
  const sites = (available ?? []).map(({ labels, points }): SiteSlo => {
    const site = labels.site ?? '';
    const availability = points.at(-1)?.[1] ?? Number.NaN;
    const awaySeconds = Math.round((1 - availability) * measuredSeconds);
    return { site, availability, awaySeconds, p50: at(p50, site), p95: at(p95, site), p99: at(p99, site) };
  });
  const all = lastOf(total);
  return {
    sites: sites.sort((a, b) => a.site.localeCompare(b.site, 'en')),
    requests: all === undefined ? null : { total: Math.round(all), failed: Math.round(lastOf(failed) ?? 0) },
    measured: measuredSeconds / seconds,
    measuredSeconds,
    since: lastOf(first) ?? null,
  };
}

const lastOf = (series: readonly Series[] | undefined): number | undefined => series?.[0]?.points.at(-1)?.[1];
