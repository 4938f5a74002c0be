import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { withHost } from '../../../src/core/url-host.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack, opensApp } from '../../../src/stack/build.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { topology } from '../../../src/topology/plan/topology.ts';
import { load, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const loaded = (file: string, profile = 'dev-compose') => load({ file, flags: { profile } });
const stack = (file: string, profile?: string) => stackOf(loaded(file, profile));
const FACTS = { version: '0.0.0', overrides: {}, sourceHash: () => 'fixed', engineSocket: { path: '/x', gid: 999 } };
/** As the networks of an earlier version are. */
const earlier = (file: string) => buildStack(loaded(file).settings, registry, { ...FACTS, subnets: SUBNETS, appClosed: false });

const ways = ({ services }: Stack) => services.filter(({ component }) => component === 'egress');
const application = ({ services }: Stack) => services.find(({ name }) => name === 'app-1');
const given = (built: Stack) => application(built)?.environment ?? {};
const hosts = (built: Stack) => application(built)?.view.extraHosts;
const listeners = (built: Stack, name: string) =>
  [
    ...(rendered(built).files.find(({ path }) => path === `${name}/haproxy.cfg`)?.contents ?? '').matchAll(/^ {2}(bind|server) (.+)$/gm),
  ].map(([, kind, rest]) => `${kind} ${rest}`);
const isInternal = ({ networks }: Stack) => Object.fromEntries(networks.map(({ name, internal }) => [name, internal]));

const NAMED = 'external: { plex: { url: "https://plex.example.org/web" } }';
const ADDRESS = 'external: { plex: { url: "http://192.168.1.20:32400" } }';
const RESOLVED = 'resolvers docker resolve-prefer ipv4 init-addr none';

describe('the application’s way to a host outside that the settings name', () => {
  it('is a container in `app` and `out`; by its name the application finds that container, so that URL and certificate stay', () => {
    const built = stack(NAMED);
    expect(ways(built).map(({ name, networks }) => [name, networks])).toEqual([['egress-plex', ['app', 'out']]]);
    expect(given(built).PLEX_URL).toBe('https://plex.example.org/web');
    expect(hosts(built)).toEqual(['plex.example.org:10.0.0.70']);
    expect(listeners(built, 'egress-plex')).toEqual([
      'bind 127.0.0.1:8081',
      'bind 10.0.0.70:443',
      `server outside plex.example.org:443 ${RESOLVED}`,
    ]);
    expect(isInternal(built)).toEqual({ dmz: false, app: true, db: true, out: false });
  });
  it('is the container’s own name where the URL has an address', () => {
    const built = stack(ADDRESS);
    expect(given(built).PLEX_URL).toBe('http://egress-plex:32400');
    expect(hosts(built)).toEqual([]);
    expect(listeners(built, 'egress-plex').slice(1)).toEqual(['bind 10.0.0.70:32400', 'server outside 192.168.1.20:32400']);
  });
  it('is one for each host, with all ports that are named: a name leads to one address alone', () => {
    const built = stack(
      'external: { plex: { url: "http://nas.lan:32400" }, overseerr: { url: "http://NAS.lan:5055" }, uptimeKuma: { url: "http://status.lan" } }',
    );
    expect(ways(built).map(({ name, host }) => [name, host])).toEqual([
      ['egress-plex', 70],
      ['egress-uptime-kuma', 72],
    ]);
    expect(hosts(built)).toEqual(['nas.lan:10.0.0.70', 'status.lan:10.0.0.72']);
    expect(listeners(built, 'egress-plex').filter((line) => line.startsWith('server'))).toEqual([
      `server outside nas.lan:32400 ${RESOLVED}`,
      `server outside nas.lan:5055 ${RESOLVED}`,
    ]);
    expect(application(built)?.after).toEqual(expect.arrayContaining(['egress-plex', 'egress-uptime-kuma']));
  });
  it('leads to an object storage too, also by the name that has the bucket in it', () => {
    const media =
      'app: { media: { kind: object, endpoint: "https://s3.example.org", bucket: films, accessKey: not-to-be-seen, secretKey: not-to-be-seen } }';
    const built = stack(media);
    expect(hosts(built)).toEqual(['s3.example.org:10.0.0.73', 'films.s3.example.org:10.0.0.73']);
    expect(isInternal(built).app).toBe(true);
    expect(given(stack(media.replace('s3.example.org', '10.1.1.1:9000'))).S3_ENDPOINT).toBe('https://egress-media:9000');
  });
  it('lets through the application alone: replicas that may come as well, and not the edge or the balancer', () => {
    const callers = ways(stack(`${NAMED}\napp: { maxReplicas: 4 }`, 'prod')).map(({ view }) => view.callers);
    expect(callers).toEqual([['10.0.0.90', '10.0.0.100', '10.0.0.101', '10.0.0.102', '10.0.0.103']]);
  });
  it('does not lead to the container that asks', () => {
    const built = stack('external: { plex: { url: "http://localhost:32400" } }');
    expect([ways(built), given(built).PLEX_URL]).toEqual([[], 'http://localhost:32400']);
  });
  it.each([
    ['nothing is named', ''],
    ['it is switched off', `${NAMED}\ncomponents: { egress: false }`],
  ])('does not exist where %s', (_when, file) => {
    const built = stack(file);
    expect([ways(built), isInternal(built)]).toEqual([[], { dmz: false, app: true, db: true }]);
  });
  it('is not needed in `dev`, whose one container is in the open', () => {
    const built = stack(ADDRESS, 'dev');
    expect(built.services.map(({ name, environment }) => [name, environment.PLEX_URL])).toEqual([
      ['all-in-one', 'http://192.168.1.20:32400'],
    ]);
  });
  it('is drawn as what it is', () => {
    const { flows } = topology(stack(NAMED), { plex: { url: 'https://plex.example.org/web' } });
    const drawn = flows.filter(({ from, to }) => [from, to].some((id) => /egress/.test(id)));
    expect(drawn.map(({ tls }) => tls)).toEqual([true, true]);
    expect(drawn.map(({ to }) => to)).toEqual(expect.arrayContaining(['outside-plex']));
  });
});

describe('the application in the open', () => {
  it('is as an earlier version made it, until its network may be replaced', () => {
    const built = earlier(NAMED);
    expect([ways(built), hosts(built), isInternal(built)]).toEqual([[], [], { dmz: false, app: false, db: true }]);
    expect(given(earlier(ADDRESS)).PLEX_URL).toBe('http://192.168.1.20:32400');
  });
  it('is what the proxies of the Docker client need, which no setting names', () => {
    const built = stack(`${NAMED}\napp: { proxy: true }`);
    expect([ways(built), isInternal(built)]).toEqual([[], { dmz: false, app: false, db: true }]);
    expect(isInternal(stack('app: { proxy: true }')).app).toBe(true);
  });
  it.each([
    ['', false],
    [NAMED, true],
    ['app: { media: { kind: object, endpoint: "https://s3", bucket: films, accessKey: a, secretKey: b } }', true],
  ])('is found by the settings %j: %s', (file, wanted) => {
    expect(opensApp(loaded(file).settings, registry, FACTS)).toBe(wanted);
  });
});

describe('the Compose file', () => {
  it('has the names outside for the application, and for no other service', () => {
    const { services } = parse(rendered(stack(NAMED)).files[0]?.contents ?? '') as { services: Record<string, { extra_hosts?: string[] }> };
    const found = Object.entries(services).flatMap(([name, { extra_hosts }]) => (extra_hosts ? [[name, extra_hosts]] : []));
    expect(found).toEqual([['app-1', ['plex.example.org:10.0.0.70']]]);
  });
  it('changes no fingerprint of what is not concerned', () => {
    const [old, now] = [rendered(earlier('')).inputs, rendered(stack('')).inputs];
    expect(now).toEqual(old);
  });
});

describe('a URL with another host', () => {
  it.each([
    ['http://192.168.1.20:32400', 'http://to:32400'],
    ['HTTPS://user:p%40ss@10.1.1.1/a?b=c@d#e', 'HTTPS://user:p%40ss@to/a?b=c@d#e'],
    ['http://[fd00::1]:80/x', 'http://to:80/x'],
    ['http://a@b@10.1.1.1', 'http://a@b@to'],
  ])('%s is %s', (url, wanted) => {
    expect(withHost(url, 'to')).toBe(wanted);
  });
});

describe('hosts of app.egress', () => {
  it('are reached by a container each, on the ports that are named', () => {
    const built = stack('app: { egress: [api.example.org, "smtp.example.org:587", "api.example.org:8443"] }');
    expect(ways(built).map(({ name, host }) => [name, host])).toEqual([
      ['egress-host-1', 11],
      ['egress-host-2', 12],
    ]);
    expect(hosts(built)).toEqual(['api.example.org:10.0.0.11', 'smtp.example.org:10.0.0.12']);
    expect(listeners(built, 'egress-host-1').filter((line) => line.startsWith('server'))).toEqual([
      `server outside api.example.org:443 ${RESOLVED}`,
      `server outside api.example.org:8443 ${RESOLVED}`,
    ]);
    expect(isInternal(built)).toMatchObject({ app: true, out: false });
  });

  it('share the container of a host that `external` names', () => {
    const built = stack(`${NAMED}\napp: { egress: ["plex.example.org:8080", other.example.org] }`);
    expect(ways(built).map(({ name }) => name)).toEqual(['egress-plex', 'egress-host-2']);
    expect(listeners(built, 'egress-plex').filter((line) => line.startsWith('server'))).toHaveLength(2);
  });

  it('are none or all of them', () => {
    const open = stack(`${NAMED}\napp: { egress: true }`);
    expect(ways(open)).toEqual([]);
    expect(isInternal(open)).toMatchObject({ app: false });
    expect(application(open)?.notes).toEqual(['the application reaches all addresses outside (app.egress)']);
    expect(given(stack(`${ADDRESS}\napp: { egress: true }`)).PLEX_URL).toBe('http://192.168.1.20:32400');
    expect(isInternal(stack('app: { egress: false }'))).toMatchObject({ app: true });
    expect(ways(stack('app: { egress: [] }'))).toEqual([]);
  });

  it('fit below the number of the migration, as many as there may be', () => {
    const names = Array.from({ length: 16 }, (_, index) => `h${index}.example.org`);
    const external = 'external: { plex: { url: "http://a.b" }, overseerr: { url: "http://c.d" }, uptimeKuma: { url: "http://e.f" } }';
    expect(ways(stack(`${external}\napp: { migrate: [x], egress: [${names}] }`))).toHaveLength(19);
  });

  it.each([
    ['[1.2.3.4]', /is an address: the application reaches hosts outside by their names/],
    ['["https://x.org"]', /should be a host name such as api\.example\.org/],
    ['["*.example.org"]', /should be a host name/],
    ['["x.org:0"]', /should be a host name/],
    ['["x.org:70000"]', /should be a host name/],
    [`[${Array.from({ length: 17 }, (_, index) => `h${index}.org`)}]`, /app\.egress: should be true, false, or a list of 16 hosts at most/],
    ['yes please', /app\.egress: should be true, false, or a list/],
    ...['1.2', '0x7f000001', '1.2.3.256', 'a.0x1', 'xn--a.example'].map((host): [string, RegExp] => [
      `["${host}"]`,
      /app\.egress\.0: should be a host name/,
    ]),
  ])('%s is refused', (egress, words) => {
    expect(() => stack(`app: { egress: ${egress} }`)).toThrow(words);
  });
});
