import type { Check } from '../../capability/check.ts';
import type { Severity } from '../../services/monitoring/alerts-settings.ts';
import type { Manifest } from '../../stack/manifest.ts';
import type { Role } from '../../stack/types.ts';

/** What is wrong, as a health check says it, where there is no Prometheus. */
export interface Finding {
  /** The check's id: the alert's name. */
  id: string;
  severity: Severity;
  cause: string;
  /** The service that it is about. */
  instance?: string;
  summary: string;
  fix: string;
}

const BY_ROLE: Readonly<Partial<Record<Role, string>>> = {
  coordination: 'coordination',
  database: 'database',
  cache: 'cache',
  application: 'application',
  balancer: 'application',
  edge: 'edge',
  repository: 'archive',
  alerting: 'monitoring',
};

/** By the first word of a check's id. */
const BY_ID: Readonly<Record<string, string>> = {
  disk: 'disk',
  replicas: 'replica',
  drift: 'stack',
  segmentation: 'stack',
  engine: 'engine',
  certificate: 'certificate',
  certificates: 'certificate',
  'backup-sets': 'archive',
  'backup-copies': 'archive',
  'alert-channel': 'channel',
};

/** The checks that are not ok, as alerts: `fail` is critical, `warn` a warning. */
export function findingsOf(checks: readonly Check[], services: Manifest['services'] = []): Finding[] {
  return checks.flatMap(({ id, status, message, remedy }): Finding[] => {
    if (status === 'ok') return [];
    const [first = '', ...rest] = id.split('.');
    const service = first === 'container' ? services.find(({ name }) => name === rest.join('.')) : undefined;
    const cause = (service?.role && BY_ROLE[service.role]) ?? BY_ID[first] ?? first;
    return [
      {
        id,
        severity: status === 'fail' ? 'critical' : 'warning',
        cause,
        ...(first === 'container' && { instance: rest.join('.') }),
        summary: message,
        fix: remedy ?? (service ? `medianest why ${service.name}` : 'medianest health'),
      },
    ];
  });
}
