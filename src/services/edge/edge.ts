import { UserError } from '../../core/errors.ts';
import { isIpv6 } from '../../core/ip-address.ts';
import { listenAddresses } from '../../settings/fields.ts';
import { type BuildInput, defineService } from '../../stack/service.ts';
import type { Mount } from '../../stack/types.ts';
import { app, appReplicas } from '../app/app.ts';
import { balancer } from '../app/balancer.ts';
import { appTls, portSuffix, publicPort, urlHost } from '../app/portal.ts';
import { otherProcesses, replicasOf } from '../app/processes/process.ts';
import { refuseClaimedTwice, routesOf } from '../app/processes/routes.ts';
import { MONITORING_HOSTS, monitored, STATUS_PORT } from '../shared/monitoring.ts';
import { bansPart } from './edge-bans.ts';
import { edgeSites, LOCAL_NAMES, type Site, siteView } from './edge-certificates.ts';
import { frontOf, frontPart } from './edge-front.ts';
import { limitsView } from './edge-limits.ts';
import { edgeMetrics } from './edge-metrics.ts';
import { errorPages } from './edge-pages.ts';
import { SIGN_ON_NAMES, signOnPart } from './edge-sign-on.ts';
import { tracesView } from './edge-traces.ts';
import { processesView, upstreams } from './edge-upstreams.ts';
import { cdn, staticPattern } from './settings/cdn.ts';
import { type EdgeSettings, edgeSettings } from './settings/edge-settings.ts';
import { lookalikes, nginxText, regexText } from './settings/edge-text.ts';
import { EDGE_HOST, pagesView, toolPages } from './settings/tool-pages.ts';
import { PORTAL_TEXT, type RuleSet, rulesMount, wafView } from './settings/waf.ts';

declare module '../../stack/service.ts' {
  interface HostFacts {
    /** The operator's own rules of the WAF. */
    wafRules?: RuleSet | undefined;
  }
}

/** The edge queries these issuers about its certificates (OCSP), or orders certificates of them. */
const ISSUED_OUTSIDE = ['acme', 'imported'];

const CACHE: Mount = { source: 'edge-cache', target: '/var/cache/edge', kind: 'volume', readOnly: false };

/** Where the internal CA's list of revoked certificates is served, over plain HTTP as RFC 5280 has it. */
const LIST_PATH = '/.well-known/medianest/revoked.crl';

/** Where the ACME client puts what its server asks for. */
const WEBROOT: Mount = { source: './acme/webroot', target: '/var/lib/acme', kind: 'bind', readOnly: true };

/** No router stands between this host and itself. */
const portOf = (own: EdgeSettings, domain: string): number => (LOCAL_NAMES.includes(domain) ? own.httpsPort : publicPort(own));

/** Where visitors go: the address of one of the portal's names. */
export const portalUrl = (own: EdgeSettings, domain: string): string =>
  `https://${urlHost(domain)}${portSuffix(portOf(own, domain), 443)}/`;

/** What the edge says of a client, what frames a message, and what some take for the path: nothing may pass for these. */
const OURS = [
  ...['X-Request-Id', 'X-Real-IP', 'X-Forwarded-For', 'X-Forwarded-Proto', 'X-Forwarded-Port', 'X-Forwarded-Host'],
  ...['Content-Length', 'Transfer-Encoding', 'X-Original-URL', 'X-Rewrite-URL'],
  ...SIGN_ON_NAMES,
];

const WORKERS = 2;
/** What nginx takes besides connections: two generations of workers while it reloads, with the rules of the WAF. */
const RESERVED_BYTES = 96 * 1024 ** 2;
/** Of a connection with TLS whose request is not whole yet, with its part of the kernel's; 53 KiB were measured. */
const CONNECTION_BYTES = 60 * 1024;

/** As many as the memory limit allows, so that slow clients cannot get a worker killed. At most what 16,384 files allow. */
const workerConnections = (memoryBytes: number): number =>
  Math.max(256, Math.min(7500, Math.floor((memoryBytes - RESERVED_BYTES) / CONNECTION_BYTES / WORKERS)));

/** Redirects name the port that the visitor can reach: the published one for who came by that, else the one that the world sees. */
const portsView = (own: EdgeSettings) => ({
  publicHttpsPort: publicPort(own),
  mapsPorts: publicPort(own) !== own.httpsPort,
  httpsPort: own.httpsPort,
  publishedHosts: `^(?:${LOCAL_NAMES.map((name) => regexText(urlHost(name))).join('|')})(?::|$)|:(?:${own.httpPort}|${own.httpsPort})$`,
});

const hstsView = ({ hsts }: EdgeSettings) => ({
  hsts: hsts !== false,
  hstsMore: typeof hsts === 'object' ? `${hsts.subdomains ? '; includeSubDomains' : ''}${hsts.preload ? '; preload' : ''}` : '',
});

function cdnView(own: EdgeSettings, input: BuildInput) {
  const settings = input.settingsOf(cdn);
  const enabled = input.enabled(cdn.name);
  const host = settings.host ?? '';
  if (enabled && [...own.domains, ...LOCAL_NAMES].includes(host)) {
    throw new UserError(
      'INVALID_SETTINGS',
      `cdn.host ${host} is one of the portal’s own names too`,
      'give static files a name of their own, or leave cdn.host out',
    );
  }
  return {
    cdn: enabled,
    cdnHasHost: enabled && host !== '',
    cdnHost: urlHost(host),
    cdnPattern: staticPattern(settings),
    cdnBytes: settings.size,
    cdnMaxAge: settings.maxAgeSeconds,
  };
}

export const edge = defineService({
  name: 'edge',
  key: 'edge',
  standsFor: ['allInOne'],
  summary: 'nginx: TLS, HTTP to HTTPS, limits, the only published ports',
  settings: edgeSettings,
  build: (own, input) => {
    const application = input.settingsOf(app);
    const balanced = input.enabled(balancer.name);
    const tls = appTls(application, input);
    const addresses = listenAddresses(own.address);
    const processes = otherProcesses(input).filter(({ serves }) => serves);
    const routes = routesOf(processes);
    refuseClaimedTwice(routes, [...own.domains, ...LOCAL_NAMES]);
    const names = [...new Set([...own.domains, ...LOCAL_NAMES, ...routes.flatMap(({ host }) => host ?? [])])];
    const cdnParts = cdnView(own, input);
    const cdnHost = cdnParts.cdnHasHost ? [input.settingsOf(cdn).host as string] : [];
    const listUrl = `http://${urlHost(own.domains[0] as string)}${portSuffix(own.publicHttpPort ?? own.httpPort, 80)}${LIST_PATH}`;
    const [main, ...others] = edgeSites(own, [...names, ...cdnHost], listUrl) as [Site, ...Site[]];
    const sites = [main, ...others].map((site) => siteView(main, site, urlHost));
    // Not the front page: monitors may ask for it, and so do all visitors.
    const asked = [application.healthPath, application.readyPath].filter((path) => !/^\/(?:\?|$)/.test(path));
    const openPaths = [...new Set(asked.map((path) => path.split('?')[0] as string))];
    const signIn = signOnPart(own, asked, cdnParts.cdnHasHost, input);
    const banned = bansPart(input);
    const pages = toolPages(own.pages, signIn.view.signOn, input);
    const beside = { 'edge-sign-on': signIn.view.signOn, 'edge-pages': pages.length > 0, 'edge-bans': banned.view.bans };
    const parts = Object.entries(beside).flatMap(([name, on]) => (on ? [name] : []));
    const clientPaths = own.clientCertificates.paths;
    if (clientPaths.length > 0 && main.certificate.issuer !== 'internal-ca') {
      throw new UserError(
        'INVALID_SETTINGS',
        'edge.clientCertificates: clients are given certificates by the internal CA, and edge.certificate: self-signed has none',
        'set `edge.certificate: internal-ca`',
      );
    }
    const ports = addresses.flatMap((address) => [
      { address, host: own.httpPort, container: 8080, setting: 'edge.httpPort' },
      { address, host: own.httpsPort, container: 8443, setting: 'edge.httpsPort' },
    ]);
    const front = frontOf(own, [...names, ...cdnHost], ports, input);
    return [
      {
        name: 'edge',
        role: 'edge',
        image: input.image('edge'),
        uid: 10004,
        host: EDGE_HOST,
        // Where its exporter asks it; nothing else can from there, but for what all visitors can.
        networks: [
          'dmz',
          'app',
          ...(monitored(input) ? (['monitoring'] as const) : []),
          ...new Set([...signIn.networks, ...banned.networks]),
        ],
        ports: front ? [] : ports,
        ...(front && { front }),
        mounts: [CACHE, WEBROOT, ...rulesMount(input.host.wafRules), ...frontPart(front, input).mounts],
        secrets: [...signIn.secrets, ...banned.secrets],
        ...(parts.length > 0 && { configFrom: ['edge', ...parts] }),
        certificate: main.certificate,
        ...(others.length > 0 && { alsoCertificates: others.map(({ certificate }) => certificate) }),
        listeners: [{ port: 8443, protocol: 'tls' }],
        ...([main, ...others].some(({ certificate }) => ISSUED_OUTSIDE.includes(certificate.issuer)) && { callsOutside: true }),
        ...(monitored(input) && { metrics: edgeMetrics([main, ...others], application.healthPath, own, input) }),
        // With a balancer always: a change of `app.tls` must not replace this container.
        trust: tls || balanced || main.certificate.issuer === 'internal-ca',
        environment: {},
        view: {
          ipv6: !front && addresses.some(isIpv6),
          shared: front !== undefined,
          serverNames: names.map(urlHost),
          mainName: urlHost(own.domains[0] as string),
          ...portsView(own),
          workers: WORKERS,
          workerConnections: workerConnections(own.memory),
          sites: sites
            .map((site) => ({ ...site, names: site.names.filter((name) => name !== cdnParts.cdnHost) }))
            .filter((site) => site.names.length > 0),
          cdnFolder: sites.find((site) => site.names.includes(cdnParts.cdnHost))?.folder ?? '',
          mainFolder: (sites[0] as { folder: string }).folder,
          certificates: sites.map(({ certificate, folder }) => ({ name: certificate, folder })),
          stapling: own.tls.stapling,
          listPath: LIST_PATH,
          hasList: main.certificate.issuer === 'internal-ca',
          asksClients: clientPaths.length > 0,
          clientPaths: clientPaths.map(regexText),
          tls12: own.tls.ciphers === 'intermediate',
          ...hstsView(own),
          hasContentPolicy: own.contentPolicy !== false,
          contentPolicy: nginxText(own.contentPolicy || ''),
          headers: Object.entries(own.headers).map(([name, value]) => nginxText(`${name}: ${value}`)),
          ...limitsView(own, signIn.view.signOn, signIn.hasClients, pages.length > 0),
          trustsProxies: own.trustedProxies.length > 0,
          trustedProxies: own.trustedProxies,
          clientAddressHeader: own.clientAddressHeader,
          operators: own.operators,
          status: monitored(input) ? { port: STATUS_PORT, for: input.address('monitoring', MONITORING_HOSTS['nginx-exporter']) } : null,
          upstreams: upstreams(input),
          ...processesView(processes, routes, input),
          appScheme: tls ? 'https' : 'http',
          appTls: tls,
          // The balancer gives up first: its answer should be the one that is heard.
          answerSeconds: application.timeout + (balanced ? 10 : 0),
          uploadSeconds: Math.max(300, application.timeout),
          ...tracesView(own, input),
          underscores: own.headersWithUnderscores,
          lookalikes: OURS.flatMap(lookalikes),
          uploadPaths: own.uploadPaths,
          reserveBytes: input.settings.diskReserve,
          // Multipart framing comes on top of the file; the application enforces the exact limit.
          maxUploadBytes: application.uploadLimit + 1024 ** 2,
          pages: errorPages(input.overrides.maintenance, signIn.view.signOn),
          maintenance: input.overrides.maintenance !== undefined,
          metricsPath: application.metricsPath.split('?')[0] as string,
          openPaths,
          healthChecks: [...new Set(asked)].flatMap((path) => ['GET', 'HEAD'].map((method) => `"~^${regexText(`${method} ${path}`)}$"`)),
          ...signIn.view,
          ...banned.view,
          ...pagesView(pages),
          project: input.settings.project,
          usesScripts: signIn.view.signOn || banned.view.bans,
          ...cdnParts,
          ...wafView(own.waf, own, input.host.wafRules, application.image ? [] : PORTAL_TEXT, signIn.view.signOn),
        },
        memoryBytes: own.memory,
        cpus: own.cpus,
        keeps: {
          '/var/cache/edge': 'static files of the CDN tier, and request bodies too large for memory',
          '/tmp': 'nothing of its own; programs expect it',
          '/run': 'its process id',
          ...frontPart(front, input).keeps,
        },
        // Not the replicas where there is a balancer: `scale` would make a new container necessary.
        after: balanced
          ? ['balancer']
          : [...appReplicas(application), ...processes.flatMap((process) => replicasOf(process))].map(({ name }) => name),
        calls: [...signIn.calls, ...banned.calls, ...pages.flatMap(({ name, url }) => (url ? [name] : []))],
        reload: ['/usr/local/bin/reload'],
        check: ['nginx', '-t', '-q', '-c', '/etc/medianest/current/nginx.conf', '-e', 'stderr'],
        interruption: 'about 1 s: new connections are refused while the container is replaced',
        notes: input.overrides.maintenance ? [`maintenance since ${input.overrides.maintenance.since}: visitors get 503`] : [],
        urls: own.domains.map((domain) => portalUrl(own, domain)),
      },
    ];
  },
});
