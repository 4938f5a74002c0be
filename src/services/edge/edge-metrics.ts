import type { MetricsSource } from '../../stack/metrics.ts';
import type { BuildInput } from '../../stack/service.ts';
import { BLACKBOX_EXPORTER, NGINX_EXPORTER } from '../shared/monitoring.ts';
import { SIGN_ON } from '../sign-on/settings/address.ts';
import type { Site } from './edge-certificates.ts';
import type { EdgeSettings } from './settings/edge-settings.ts';
import { EDGE_HOST } from './settings/tool-pages.ts';

/** The profile of Let’s Encrypt whose certificates live for six days: for these a renewal is late much later. */
const SHORT_LIVED = /^shortlived$/;

/** The end of a module's name, of blackbox-exporter: the path needs a sign-in, and 401 is an answer. */
export const CLOSED = '-closed';

/** One question for each certificate, since each expires by itself, and the connections of nginx. */
export function edgeMetrics(sites: readonly Site[], healthPath: string, own: EdgeSettings, input: BuildInput): MetricsSource[] {
  const { acme } = input.settings.certificates;
  // Then the edge answers by itself; the balancer and the containers tell of the application.
  const closed = input.enabled(SIGN_ON) && own.access !== 'none' && /^\/$|\?/.test(healthPath);
  const probes = sites.map(({ names, certificate: { issuer } }): MetricsSource => {
    const [site = ''] = names;
    const lifetime = issuer === 'acme' && SHORT_LIVED.test(acme.profile ?? '') ? 'short' : 'long';
    return {
      ...BLACKBOX_EXPORTER,
      job: 'edge',
      labels: { site, lifetime },
      params: {
        target: `https://${input.address('monitoring', EDGE_HOST)}:8443${healthPath}`,
        hostname: site,
        // The chain is checked where it ends in the internal CA; of other issuers it is seen when the certificate expires.
        module: `${issuer === 'internal-ca' ? 'internal' : 'other'}${closed ? CLOSED : ''}`,
      },
      keep: 'probe_(success|duration_seconds|http_status_code|http_version|ssl_earliest_cert_expiry|http_duration_seconds)',
    };
  });
  return [...probes, { ...NGINX_EXPORTER, job: 'nginx', keep: 'nginx_.*' }];
}
