import { defineService } from '../../stack/service.ts';
import { CACHE_MONITOR_PASSWORD, REDIS_EXPORTER } from '../shared/monitoring.ts';
import { asked, exporter, exporterPart } from './exporter.ts';

const PASSWORDS = 'redis-exporter-passwords';

export const redisExporter = defineService({
  ...exporterPart,
  name: 'redis-exporter',
  summary: 'redis-exporter: what the nodes of the cache say of themselves',
  build: (own, input) => {
    const nodes = asked('redis-exporter', input.built);
    if (nodes.length === 0) return [];
    // It looks up the password by the address that it is asked for, with the user in it.
    const addresses = nodes.map(({ source }) => (source.params?.target ?? '').replace('://', '://monitor@'));
    const tls = addresses.some((address) => address.startsWith('rediss:'));
    const entries = addresses.map((address) => `${JSON.stringify(address)}: "{${CACHE_MONITOR_PASSWORD.name}}"`);
    return [
      exporter(
        {
          name: 'redis-exporter',
          uid: 10023,
          port: REDIS_EXPORTER.port,
          healthPath: '/health',
          // Where the nodes listen.
          networks: ['monitoring', ...new Set(nodes.flatMap(({ service }) => service.networks))],
          secrets: [{ name: PASSWORDS, source: { format: `{\n${entries.join(',\n')}\n}\n` } }],
          ...(tls && { trust: true }),
          view: { passwords: `/run/secrets/${PASSWORDS}`, tls },
        },
        own,
        input,
      ),
    ];
  },
});
