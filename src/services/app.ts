import { type AppSettings, appSettings, portalContract, SOURCE_TARGET } from './portal.ts';
import { POSTGRES_HOST } from './postgres.ts';
import { REDIS_HOST } from './redis.ts';
import { defineService } from './service.ts';

const FIRST_HOST = 100;

/** Asks the application over HTTP with whatever its image has: the portal's own script, curl, wget or Node. */
function healthTest(own: AppSettings): string[] {
  if (!own.image) return ['CMD', '/usr/local/bin/healthcheck', own.healthPath];
  const url = `http://127.0.0.1:${own.port}${own.healthPath}`;
  return [
    'CMD-SHELL',
    [
      `if command -v curl >/dev/null; then curl -fsS -m 3 -o /dev/null '${url}'`,
      `elif command -v wget >/dev/null; then wget -q -T 3 -O /dev/null '${url}'`,
      `else node -e "fetch('${url}',{signal:AbortSignal.timeout(3000)}).then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"; fi`,
    ].join('; '),
  ];
}

const command = (own: AppSettings): string[] =>
  own.command.length > 0 || !own.source ? own.command : ['node', '--watch', `${SOURCE_TARGET}/src/server.js`];

export const appReplicas = (own: AppSettings) =>
  Array.from({ length: own.replicas }, (_, i) => ({ name: `app-${i + 1}`, host: FIRST_HOST + i }));

export const app = defineService({
  name: 'app',
  key: 'app',
  summary: 'the portal, or your own application',
  settings: appSettings,
  build: (own, input) => {
    const contract = portalContract(own, input, {
      database: input.address('db', POSTGRES_HOST),
      cache: input.address('db', REDIS_HOST),
    });
    return appReplicas(own).map(({ name, host }) => ({
      name,
      host,
      image: own.image ? { name: 'app', ref: own.image } : input.image('app'),
      uid: Number.parseInt(own.user, 10),
      networks: ['app', 'db'],
      ports: [],
      mounts: [
        { source: 'uploads', target: '/srv/uploads', kind: 'volume', readOnly: false },
        { source: 'media', target: '/srv/media', kind: 'volume', readOnly: false },
        ...contract.source,
      ],
      secrets: contract.secrets,
      environment: { ...contract.environment, APP_REPLICA: name },
      view: { user: own.user, healthTest: healthTest(own), command: command(own), hasCommand: command(own).length > 0 },
      memoryBytes: own.memory,
      after: ['postgres', 'redis'],
      interruption: own.replicas > 1 ? 'none: the other replicas serve' : 'about 3 s: the only replica is replaced',
      urls: [],
    }));
  },
});
