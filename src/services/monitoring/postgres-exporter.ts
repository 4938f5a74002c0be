import { defineService } from '../../stack/service.ts';
import { MONITOR_PASSWORD } from '../database/patroni.ts';
import { POSTGRES_EXPORTER } from '../shared/monitoring.ts';
import { asked, exporter, exporterPart } from './exporter.ts';

/** Its settings, which hold the password: a secret of its own, in the form that the exporter reads. */
const SETTINGS = {
  name: 'postgres-exporter-settings',
  source: {
    format: `auth_modules:
  monitor:
    type: userpass
    userpass:
      username: monitor
      password: "{${MONITOR_PASSWORD.name}}"
    options:
      sslmode: verify-full
      sslrootcert: /run/trust/internal-ca.pem
      connect_timeout: "3"
`,
  },
};

export const postgresExporter = defineService({
  ...exporterPart,
  name: 'postgres-exporter',
  summary: 'postgres-exporter: what the members of the database say of themselves',
  build: (own, input) => {
    const members = asked('postgres-exporter', input.built);
    if (members.length === 0) return [];
    return [
      exporter(
        {
          name: 'postgres-exporter',
          uid: 10022,
          port: POSTGRES_EXPORTER.port,
          healthPath: '/',
          // Where the members listen.
          networks: ['monitoring', 'control'],
          secrets: [SETTINGS],
          trust: true,
          view: { settings: `/run/secrets/${SETTINGS.name}` },
        },
        own,
        input,
      ),
    ];
  },
});
