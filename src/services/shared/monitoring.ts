import type { BuildInput } from '../../stack/service.ts';

/** Numbers of Prometheus and the exporters in their networks. Services that admit only one of them need its address. */
export const MONITORING_HOSTS = {
  prometheus: 80,
  'node-exporter': 81,
  'postgres-exporter': 82,
  'redis-exporter': 83,
  'blackbox-exporter': 84,
  'nginx-exporter': 85,
};

/** Whether the stack is monitored: services listen for scrapes, and know the exporters’ users, only then. */
export const monitored = ({ settings }: Pick<BuildInput, 'settings'>): boolean => settings.observability !== 'off';
