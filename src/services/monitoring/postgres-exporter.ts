import { defineService } from '../../stack/service.ts';
import type { SecretSpec } from '../../stack/types.ts';
import { DATABASE_MONITOR_PASSWORD, POSTGRES_EXPORTER } from '../shared/monitoring.ts';
import { asked, exporter, exporterPart } from './exporter.ts';

/** How it comes in to the members of a cluster, and to a single server, which has no TLS and is reached in a network of this host alone. */
const MODULES: Readonly<Record<string, string>> = {
  monitor: `      sslmode: verify-full
      sslrootcert: /run/trust/internal-ca.pem
`,
  'monitor-plain': `      sslmode: disable
`,
};

/** Its settings, which hold the password: a secret of its own, in the form that the exporter reads. */
const settingsOf = (modules: readonly string[]): SecretSpec => ({
  name: 'postgres-exporter-settings',
  source: {
    format: `auth_modules:
${modules
  .map(
    (module) => `  ${module}:
    type: userpass
    userpass:
      username: monitor
      password: "{${DATABASE_MONITOR_PASSWORD.name}}"
    options:
${MODULES[module]}      connect_timeout: "3"
`,
  )
  .join('')}`,
  },
});

export const postgresExporter = defineService({
  ...exporterPart,
  name: 'postgres-exporter',
  summary: 'postgres-exporter: what the members of the database say of themselves',
  build: (own, input) => {
    const members = asked('postgres-exporter', input.built);
    if (members.length === 0) return [];
    const modules = [...new Set(members.map(({ source }) => source.params?.auth_module ?? ''))];
    const clustered = modules.includes('monitor');
    const settings = settingsOf(modules);
    return [
      exporter(
        {
          name: 'postgres-exporter',
          uid: 10022,
          port: POSTGRES_EXPORTER.port,
          healthPath: '/',
          // Where the members listen.
          networks: ['monitoring', clustered ? 'control' : 'db'],
          secrets: [settings],
          ...(clustered && { trust: true }),
          view: { settings: `/run/secrets/${settings.name}` },
        },
        own,
        input,
      ),
    ];
  },
});
