import type { MetricsSource } from '../../stack/metrics.ts';
import type { BuildInput } from '../../stack/service.ts';
import { BLACKBOX_EXPORTER, NGINX_EXPORTER } from '../shared/monitoring.ts';
import type { Site } from './edge-certificates.ts';

/** One question for each certificate, since each expires by itself, and the connections of nginx. */
export function edgeMetrics(sites: readonly Site[], healthPath: string, host: number, input: BuildInput): MetricsSource[] {
  const probes = sites.map(({ names, certificate }): MetricsSource => {
    const [site = ''] = names;
    return {
      ...BLACKBOX_EXPORTER,
      job: 'edge',
      labels: { site },
      params: {
        target: `https://${input.address('monitoring', host)}:8443${healthPath}`,
        hostname: site,
        // The chain is checked where it ends in the internal CA; of other issuers it is seen when the certificate expires.
        module: certificate.issuer === 'internal-ca' ? 'internal' : 'other',
      },
      keep: 'probe_(success|duration_seconds|http_status_code|http_version|ssl_earliest_cert_expiry|http_duration_seconds)',
    };
  });
  return [...probes, { ...NGINX_EXPORTER, job: 'nginx', keep: 'nginx_.*' }];
}
