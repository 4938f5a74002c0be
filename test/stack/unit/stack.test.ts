import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import Handlebars from 'handlebars';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { dynamicRange, hostAddress, overlaps, parseCidr } from '../../../src/core/cidr.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { chooseSubnets, type TakenRange } from '../../../src/stack/subnets.ts';
import { renderTemplate } from '../../../src/stack/template.ts';
import type { Stack } from '../../../src/stack/types.ts';
import { HOME } from '../../support/cli.ts';
import { AUTO, CASES, load, NEEDS, rendered, SUBNETS, stackOf } from '../../support/settings.ts';

const CHOSEN = {
  dmz: '172.16.144.0/24',
  app: '10.0.144.0/24',
  db: '192.168.144.0/24',
  control: '10.40.144.0/24',
  mgmt: '10.10.144.0/24',
  out: '10.20.144.0/24',
  monitoring: '10.30.144.0/24',
  auth: '10.50.144.0/24',
};
const reached = (subnet: string, by: string): TakenRange => ({ subnet, by, reached: true });
const choose = (
  taken: readonly TakenRange[] = [],
  {
    wanted = AUTO,
    remembered = {},
    needs = NEEDS,
  }: { wanted?: typeof AUTO; remembered?: Partial<typeof CHOSEN>; needs?: typeof NEEDS } = {},
) => chooseSubnets(wanted, remembered, taken, needs);
const compose = (stack: Stack, more = {}) => parse((rendered(stack, more).files[0] as { contents: string }).contents.replaceAll('$$', '$'));
const stack = (file: string) => stackOf(load({ file, flags: { profile: 'dev-compose' } }));

describe('address ranges', () => {
  it.each([
    ['10.0.0.0/16', '10.0.128.0/17', 100, '10.0.0.100'],
    ['192.168.7.0/24', '192.168.7.128/25', 100, '192.168.7.100'],
    ['192.168.7.0/24', '192.168.7.128/25', 128, undefined],
  ])('%s gives out %s and its host %i is %s', (subnet, dynamic, host, address) => {
    expect([dynamicRange(subnet), hostAddress(subnet, host)]).toEqual([dynamic, address]);
  });
  it('never gives a fixed address that Docker may hand out', () => {
    for (let prefix = 16; prefix <= 24; prefix++) {
      const range = parseCidr(dynamicRange(`10.0.0.0/${prefix}`));
      for (const host of [1, 100, 2 ** (31 - prefix) - 1]) {
        const fixed = parseCidr(`${hostAddress(`10.0.0.0/${prefix}`, host)}/32`);
        expect(range && fixed && overlaps(range, fixed)).toBe(false);
      }
    }
  });
  it('are a /24 of each block where nothing is in the way', () => {
    expect(choose()).toEqual({ subnets: CHOSEN, moved: [], covers: [] });
  });
  it('move within their block, and say so, where something overlaps', () => {
    const { subnets, moved } = choose([
      { subnet: '192.168.0.0/17', by: 'a lab' },
      { subnet: '192.168.144.0/20', by: 'a route of this host, on eth0' },
    ]);
    expect(subnets.db).toBe('192.168.160.0/24');
    expect(moved.map((entry) => entry.text)).toEqual([
      'network db: 192.168.144.0/24 overlaps 192.168.144.0/20 (a route of this host, on eth0), so 192.168.160.0/24 is used',
    ]);
  });
  it('begin again at the start of their block after its end', () => {
    expect(choose([{ subnet: '192.168.128.0/17', by: 'a lab' }]).subnets.db).toBe('192.168.0.0/24');
  });
  it('stay where they were, once remembered: also the /16 of a project that was made before', () => {
    expect(choose([], { remembered: SUBNETS }).subnets).toEqual(SUBNETS);
  });
  it('are as wide as the fixed addresses need, and no wider', () => {
    const app = (highest: number) => choose([], { needs: { ...NEEDS, app: highest } }).subnets.app;
    expect([109, 127, 128, 199, 1099].map(app)).toEqual([
      '10.0.144.0/24',
      '10.0.144.0/24',
      '10.0.144.0/23',
      '10.0.144.0/23',
      '10.0.144.0/20',
    ]);
  });
  it.each<[string, TakenRange[], object]>([
    ['a VLAN behind the gateway whose SSH client is elsewhere', [reached('192.168.7.20', 'the SSH client')], {}],
    ['an SSH client in 10.0.0.0/24', [reached('10.0.0.7', 'the SSH client')], {}],
    ['an SSH client in the default range', [reached('10.0.144.7', 'the SSH client')], { app: '10.0.145.0/24' }],
    ['a DNS server in 192.168.0.0/24', [reached('192.168.0.53', 'a DNS server')], {}],
    ['a DNS server in the default range', [reached('192.168.144.53', 'a DNS server')], { db: '192.168.145.0/24' }],
    ['an NFS server in the default range', [reached('172.16.144.9', 'app.media.server')], { dmz: '172.16.145.0/24' }],
    ['a VLAN that the settings name', [reached('10.0.0.0/16', 'edge.operators')], { app: '10.1.0.0/24' }],
    ['all of them', [reached('10.10.144.1', 'a'), reached('10.0.144.1', 'b')], { app: '10.0.145.0/24', mgmt: '10.10.145.0/24' }],
  ])('never cover %s', (_what, taken, moved) => {
    const choice = choose(taken);
    expect(choice.subnets).toEqual({ ...CHOSEN, ...moved });
    expect(choice.moved.map(({ network }) => network).sort()).toEqual(Object.keys(moved).sort());
    for (const { text } of choice.moved) expect(text).toMatch(/ would cover \S+ \(.+\), so \S+\/24 is used$/);
  });
  it('are kept where they cover what has to be reached, and say so', () => {
    const choice = choose([reached('192.168.0.53', 'a DNS server')], { remembered: SUBNETS });
    expect(choice).toEqual({
      subnets: SUBNETS,
      moved: [],
      covers: [{ network: 'db', text: 'network db: 192.168.0.0/16 covers 192.168.0.53 (a DNS server)' }],
    });
  });
  it('are refused where an explicit one covers an address, but not a range that the settings name', () => {
    const wanted = { ...AUTO, db: { subnet: '192.168.0.0/24' } };
    expect(() => choose([reached('192.168.0.53', 'a DNS server')], { wanted })).toThrow(
      'networks.db.subnet 192.168.0.0/24 would cover 192.168.0.53 (a DNS server)',
    );
    expect(choose([reached('192.168.0.0/16', 'edge.operators')], { wanted }).subnets.db).toBe('192.168.0.0/24');
    expect(choose([reached('192.168.0.53', 'a DNS server')], { wanted, remembered: { db: '192.168.0.0/24' } }).covers).toHaveLength(1);
  });
  it('are refused, naming both sides, where an explicit one overlaps', () => {
    const wanted = { ...AUTO, app: { subnet: '10.1.0.0/16' } };
    expect(() => choose([{ subnet: '10.0.0.0/8', by: 'the Docker network vpn' }], { wanted })).toThrow(
      /networks\.app\.subnet 10\.1\.0\.0\/16 overlaps 10\.0\.0\.0\/8 \(the Docker network vpn\)/,
    );
    expect(() => choose([], { wanted: { ...wanted, db: { subnet: '10.1.0.0/20' } } })).toThrow(/network app/);
  });
  it('move to another private block where theirs is used up, and are refused where all are', () => {
    const lan = { subnet: '192.168.0.0/16', by: 'lan' };
    expect(choose([lan]).subnets.db).toBe('10.0.0.0/24');
    const all = [lan, { subnet: '10.0.0.0/8', by: 'vpn' }, { subnet: '172.16.0.0/12', by: 'lab' }];
    expect(() => choose(all)).toThrow(/no free range for the network dmz: 172\.16\.144\.0\/24 overlaps/);
  });
});

describe('a stack', () => {
  it('gives each of a thousand replicas an address of its own', () => {
    const { services } = stack('app: { replicas: 1000 }');
    const seen = services.flatMap((service) =>
      service.networks.map((network) => `${network} ${hostAddress(SUBNETS[network], service.host)}`),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(services).toHaveLength(1004);
  });
  it('is refused when a network is too small for its containers', () => {
    const { settings } = load({ file: 'app: { replicas: 200 }', flags: { profile: 'dev-compose' } });
    const build = (app: string) =>
      buildStack(settings, registry, { version: '0', overrides: {}, subnets: { ...SUBNETS, app }, sourceHash: () => 'x' });
    expect(() => build('10.0.0.0/22')).not.toThrow(/too small/);
    expect(() => build('10.0.0.0/24')).toThrow(/network app \(10\.0\.0\.0\/24\) is too small/);
  });
  it('gets other image tags exactly when a source, its base or its parent changes', () => {
    const refs = (loaded: ReturnType<typeof load>, hash: (folder: string) => string) =>
      Object.fromEntries(stackOf(loaded, undefined, hash as never).images.map((image) => [image.name, image.ref]));
    const dev = load(CASES.dev);
    const before = refs(dev, () => 'same');
    expect(refs(dev, () => 'same')).toEqual(before);
    const appChanged = refs(dev, (folder) => (folder === 'templates/app/image' ? 'new' : 'same'));
    expect(appChanged.app).not.toBe(before.app);
    expect(appChanged['all-in-one']).not.toBe(before['all-in-one']);
    const redisChanged = refs(dev, (folder) => (folder === 'templates/redis/image' ? 'new' : 'same'));
    expect([redisChanged.app, redisChanged['all-in-one'] === before['all-in-one']]).toEqual([before.app, false]);
    expect(refs(load({ ...CASES.dev, env: { MEDIANEST_BASE_IMAGE: 'other' } }), () => 'same').app).not.toBe(before.app);
  });
  it('keeps the databases and the application away from the outside', () => {
    const internal = (file: string) => Object.fromEntries(stack(file).networks.map((network) => [network.name, network.internal]));
    expect(internal('')).toEqual({ dmz: false, app: true, db: true });
    expect(internal('external: { plex: { url: "http://10.9.9.9:32400" } }')).toEqual({ dmz: false, app: true, db: true, out: false });
    expect(
      stack('')
        .services.filter((service) => service.ports.length > 0)
        .map((service) => service.name),
    ).toEqual(['edge']);
  });
  it('is refused when the service that the portal needs is off', () => {
    expect(() => stack('components: { redis: false }')).toThrow(/the portal needs the cache, and none is switched on/);
  });
});

describe('rendering', () => {
  const plain = stack('');
  it('is byte-identical for the same input', () => {
    expect(rendered(stack(''))).toEqual(rendered(plain));
  });
  it('lets any value arrive unchanged', () => {
    const hostile = 'yes # "q" & $ < ${X} $$ {{y}} \\ \' \n\tzwei é🦊: - [';
    const loaded = load({
      file: `app: { env: { HOSTILE: ${JSON.stringify(hostile)}, NO: "no", ONE: "1" } }`,
      flags: { profile: 'dev-compose' },
    });
    const text = (rendered(stackOf(loaded)).files[0] as { contents: string }).contents;
    const environment = parse(text).services['app-1'].environment;
    expect([environment.HOSTILE, environment.NO, environment.ONE]).toEqual([hostile.replaceAll('$', '$$$$'), 'no', '1']);
  });
  it('hardens every container', () => {
    const services = Object.values(CASES).flatMap((options) => Object.values(compose(stackOf(load(options))).services) as object[]);
    expect(services.length).toBeGreaterThan(20);
    for (const service of services) {
      expect(service).toMatchObject({
        read_only: true,
        cap_drop: ['ALL'],
        security_opt: ['no-new-privileges:true'],
        pids_limit: expect.any(Number),
        cpus: expect.any(Number),
        init: true,
      });
      expect(service).toMatchObject({ logging: { options: { 'max-size': '10m' } }, mem_limit: expect.any(Number) });
    }
  });
  const changed = (before: Record<string, string>, after: Record<string, string>) =>
    Object.keys(after).filter((name) => after[name] !== before[name]);
  const inputs = (more = {}, file = '') => rendered(stack(file), more).inputs;
  it.each([
    ['the database password', () => inputs({ fingerprints: { 'database-password': 'x' } }), ['postgres']],
    ['the connection address that holds it', () => inputs({ fingerprints: { 'database-url': 'x' } }), ['app-1']],
    ['an override of one service', () => inputs({ override: 'services: { redis: { cpus: 1 } }' }), ['redis']],
    [
      'an override of a network',
      () => inputs({ override: 'networks: { db: { driver_opts: { a: b } } }' }),
      ['edge', 'app-1', 'postgres', 'redis', 'backup'],
    ],
    ['a database setting', () => inputs({}, 'postgres: { maxConnections: 50 }'), ['postgres']],
    ['a new certificate of a service that reloads', () => inputs({ fingerprints: { 'certificate:edge': 'x' } }), []],
    ['a setting of a service that reloads', () => inputs({}, 'edge: { hsts: true }'), []],
  ])('%s makes new containers of exactly its users', (_name, after, services) => {
    expect(changed(inputs(), after())).toEqual(services);
  });
  it('gives a service that reloads another configuration', () => {
    expect(rendered(stack('edge: { hsts: true }')).configs.edge).not.toBe(rendered(plain).configs.edge);
  });
});

describe('templates', () => {
  it('refuse a name that the view does not declare', () => {
    expect(() => renderTemplate('x', '{{typo}}', { name: 1 })).toThrow(/templates\/x: .*typo/);
  });
  // `{{#if typo}}` is false without an error even in strict mode, so every name is looked up here.
  it('use only names that their views declare, conditions included', () => {
    const services = Object.keys(CASES).flatMap((name) => stackOf(load(CASES[name])).services);
    for (const service of services) {
      for (const component of service.configFrom ?? [service.component]) {
        const folder = path.join(HOME, 'templates', component);
        const files = [
          ...listed(path.join(folder, 'config')),
          ...(component === service.component ? [path.join(HOME, 'templates', service.composeFrom ?? component, 'compose.yml.hbs')] : []),
        ];
        for (const file of files) {
          const unknown = conditions(readFileSync(file, 'utf8')).filter(({ name, of }) => !declares(service.view, name, of));
          expect(unknown, `${file} for ${service.name}`).toEqual([]);
        }
      }
    }
  });
});

const listed = (folder: string): string[] => {
  try {
    const all = (readdirSync(folder, { recursive: true }) as string[]).map((name) => path.join(folder, name));
    return all.filter((file) => statSync(file).isFile());
  } catch {
    return [];
  }
};

/** Whether a view has a name, or every item of its list that an enclosing `{{#each}}` goes through. */
function declares(view: JsonObject, name: string, of: string | undefined): boolean {
  if (name.startsWith('@root.')) return name.slice('@root.'.length) in view;
  if (of === undefined) return name in view;
  const items = view[of];
  return Array.isArray(items) && items.every((item) => typeof item === 'object' && item !== null && name in item);
}

/** The names that `{{#if}}` and `{{#each}}` of a template ask for, and the list that they are in. */
function conditions(source: string): { name: string; of: string | undefined }[] {
  const names: { name: string; of: string | undefined }[] = [];
  const lists: string[] = [];
  class Visitor extends Handlebars.Visitor {
    override BlockStatement(block: hbs.AST.BlockStatement): void {
      const asked = block.params.map((param) => (param as hbs.AST.PathExpression).original);
      names.push(...asked.map((name) => ({ name, of: lists.at(-1) })));
      const each = (block.path as hbs.AST.PathExpression).original === 'each';
      if (each) lists.push(asked[0] as string);
      super.BlockStatement(block);
      if (each) lists.pop();
    }
  }
  new Visitor().accept(Handlebars.parse(source));
  return names;
}

describe('the network of the published ports', () => {
  const dmz = (file: string) => stackOf(load({ file, flags: { profile: 'dev-compose' } })).networks.find(({ name }) => name === 'dmz');
  it.each([
    ['the internal CA', 'edge: { certificate: internal-ca }', true],
    ['no CA', 'edge: { certificate: self-signed }', true],
    ['an ACME server', 'edge: { certificate: acme, domains: [a.example] }', undefined],
    [
      'an issuer that is imported',
      'edge: { domains: [a.example, b.example], certificates: [{ names: [b.example], issuer: imported }] }',
      undefined,
    ],
  ])('leads outside only where a certificate asks for it: by %s', (_issuer, file, inboundOnly) => {
    expect(dmz(file)?.inboundOnly).toBe(inboundOnly);
  });
  it('has IPv6 where a port is published on it, in a range of its own for each project', () => {
    expect(dmz('edge: { address: 0.0.0.0 }')?.ipv6).toBeUndefined();
    const [one, two] = ['one', 'two'].map((project) => dmz(`project: ${project}\nedge: { address: every }`)?.ipv6);
    expect(one).toMatch(/^fd[\da-f]{2}:/);
    expect(two).not.toBe(one);
  });
});
