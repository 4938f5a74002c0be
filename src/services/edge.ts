import * as z from 'zod';
import { hostName, listenAddress, memory, port } from '../config/fields.ts';
import { app, appReplicas } from './app.ts';
import { urlHost } from './portal.ts';
import { defineService } from './service.ts';

const HOST = 10;

const settings = z.strictObject({
  address: listenAddress('127.0.0.1').describe('Address of this host that the portal is published on'),
  httpPort: port(8080).describe('Plain HTTP: redirects to HTTPS'),
  httpsPort: port(8443).describe('HTTPS'),
  domains: z.array(hostName).min(1).default(['localhost']).describe('Names that the portal answers to; the first is its main one'),
  hsts: z.boolean().default(false).describe('Strict-Transport-Security: browsers then insist on HTTPS for two years'),
  memory: memory('128m').describe('Memory limit of the container'),
});

/** Every portal can also be opened by these on the host itself. */
const LOCAL_NAMES = ['localhost', '127.0.0.1', '::1'];

/** Largest request body outside uploads. */
const MAX_BODY = 10 * 1024 ** 2;

const portalUrl = (domain: string, httpsPort: number): string => `https://${urlHost(domain)}${httpsPort === 443 ? '' : `:${httpsPort}`}/`;

export const edge = defineService({
  name: 'edge',
  key: 'edge',
  summary: 'nginx: TLS, HTTP to HTTPS, the only published ports',
  settings,
  build: (own, input) => {
    const application = input.settingsOf(app);
    const subjects = [...new Set([...own.domains, ...LOCAL_NAMES])];
    return [
      {
        name: 'edge',
        image: input.image('edge'),
        uid: 10004,
        host: HOST,
        networks: ['dmz', 'app'],
        ports: [
          { address: own.address, host: own.httpPort, container: 8080, setting: 'edge.httpPort' },
          { address: own.address, host: own.httpsPort, container: 8443, setting: 'edge.httpsPort' },
        ],
        mounts: [],
        secrets: [],
        certificate: {
          name: 'edge',
          subjects,
          issuer: 'internal-ca',
          days: 90,
        },
        environment: {},
        view: {
          serverNames: subjects.map(urlHost),
          publicHttpsPort: own.httpsPort,
          upstreams: appReplicas(application).map(({ host }) => ({ address: input.address('app', host), port: application.port })),
          maxBodyBytes: MAX_BODY,
          // Multipart framing comes on top of the file; the application holds to the exact limit.
          maxUploadBytes: application.uploadLimit + 1024 ** 2,
          workers: 2,
          hsts: own.hsts,
        },
        memoryBytes: own.memory,
        after: appReplicas(application).map(({ name }) => name),
        reload: ['/usr/local/bin/reload'],
        interruption: 'about 1 s: new connections are refused while the container is replaced',
        urls: own.domains.map((domain) => portalUrl(domain, own.httpsPort)),
      },
    ];
  },
});
