import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { loadSettings } from '../../src/project/load-settings.ts';
import { readTemplates } from '../../src/reconcile/sources.ts';
import { registry as services } from '../../src/services/index.ts';
import type { Loaded } from '../../src/settings/loaded.ts';
import { buildStack } from '../../src/stack/build.ts';
import type { Overrides } from '../../src/stack/overrides.ts';
import { render } from '../../src/stack/render.ts';
import type { ServiceDefinition } from '../../src/stack/service.ts';
import type { Rendered, RenderInput, Stack } from '../../src/stack/types.ts';
import { HOME } from './cli.ts';

export interface LoadOptions {
  /** Text of medianest.yml; without one there is no file. */
  file?: string;
  /** More files beside it: path -> text. */
  files?: Record<string, string>;
  env?: Record<string, string>;
  flags?: Parameters<typeof loadSettings>[0]['flags'];
  registry?: readonly ServiceDefinition[];
}

/** Loads settings from a folder made for this call, by whose name the project is `medianest`. */
export function load(options: LoadOptions = {}): Loaded {
  const made = mkdtempSync(path.join(os.tmpdir(), 'medianest-settings-'));
  const cwd = path.join(made, 'medianest');
  mkdirSync(cwd);
  const files = { ...(options.file !== undefined && { 'medianest.yml': options.file }), ...options.files };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(cwd, name)), { recursive: true });
    writeFileSync(path.join(cwd, name), text);
  }
  try {
    return loadSettings({ home: HOME, cwd, env: options.env ?? {}, registry: options.registry ?? services, flags: options.flags ?? {} });
  } finally {
    rmSync(made, { recursive: true });
  }
}

export const SUBNETS = {
  dmz: '172.16.0.0/16',
  app: '10.0.0.0/16',
  db: '192.168.0.0/16',
  control: '10.40.0.0/16',
  mgmt: '10.10.0.0/16',
  out: '10.20.0.0/16',
  monitoring: '10.30.0.0/16',
  auth: '10.50.0.0/16',
};

/** Every network's range is chosen, and none is wider than these fixed addresses need. */
export const AUTO = {
  dmz: { subnet: 'auto' },
  app: { subnet: 'auto' },
  db: { subnet: 'auto' },
  control: { subnet: 'auto' },
  mgmt: { subnet: 'auto' },
  out: { subnet: 'auto' },
  monitoring: { subnet: 'auto' },
  auth: { subnet: 'auto' },
};
export const NEEDS = { dmz: 10, app: 109, db: 109, control: 90, mgmt: 60, out: 73, monitoring: 90, auth: 70 };

/** What images of an operator's say of themselves. */
const IMAGE_STARTS = {
  'example.org/backend:1': { entrypoint: [], command: ['/backend'], checksHealth: false, architecture: 'amd64' },
  'example.org/portal:1': { entrypoint: ['/portal'], command: [], checksHealth: false, architecture: 'amd64' },
  'example.org/foreign:1': { entrypoint: ['/entrypoint'], command: ['serve', '--all'], checksHealth: true, architecture: 'amd64' },
};

/** An operator's own rules of Suricata. */
const OWN_RULES = { 'own-house.rules': 'alert icmp any any -> $HOME_NET any (msg:"ping"; sid:1000001;)\n' };

export const stackOf = (
  loaded: Loaded,
  registry: readonly ServiceDefinition[] = services,
  sourceHash = () => 'fixed',
  overrides: Overrides = {},
): Stack =>
  buildStack(loaded.settings, registry, {
    version: '0.0.0',
    overrides,
    subnets: SUBNETS,
    sourceHash,
    host: { imageStarts: IMAGE_STARTS, suricataRules: OWN_RULES },
    engineSocket: { path: '/var/run/docker.sock', gid: 999 },
  });

export function renderInput(stack: Stack, more: Partial<RenderInput> = {}): RenderInput {
  return {
    base: readFileSync(path.join(HOME, 'docker-compose.base.yml'), 'utf8'),
    templates:
      more.templates ??
      readTemplates(HOME, [
        ...new Set(
          stack.services.flatMap((service) => [
            service.composeFrom ?? service.component,
            ...(service.rulesFrom ? [service.rulesFrom] : []),
            ...(service.configFrom ?? []),
          ]),
        ),
      ]),
    override: undefined,
    fingerprints: {},
    hostCpus: 2,
    ...more,
  };
}

export const rendered = (stack: Stack, more: Partial<RenderInput> = {}): Rendered => render(stack, renderInput(stack, more));

/** The profiles that run today, and one of an operator's own. */
export const CASES: Record<string, LoadOptions> = {
  dev: { flags: { profile: 'dev' } },
  'dev-compose': { flags: { profile: 'dev-compose' } },
  prod: { flags: { profile: 'prod' } },
  staging: { flags: { profile: 'staging' } },
  unmonitored: { flags: { profile: 'prod' }, file: 'observability: off\ncomponents: { sign-on: false }\n' },
  copies: {
    flags: { profile: 'staging' },
    file: `observability: off
components: { edge: false, cdn: false, balancer: false, app: false, redis-cluster: false }
backup:
  copies:
    sftp: { host: far.example.org, port: 2222, path: /srv/far, hostKeys: [ssh-ed25519 AAAA, ecdsa-sha2-nistp256 BBBB], key: not-to-be-seen }
    s3: { endpoint: "https://s3.example.org", bucket: far, accessKey: not-to-be-seen, secretKey: not-to-be-seen }
    azure: { container: far, sasUrl: not-to-be-seen, keep: { last: 9 } }
    gcs: { bucket: far, serviceAccount: not-to-be-seen }
`,
  },
  alerts: {
    flags: { profile: 'dev-compose' },
    file: `observability: light
alerts:
  timezone: Europe/Berlin
  deadMan: { url: "https://uptime.example.org/api/push/not-to-be-seen?status=up" }
  channels:
    operators: { kind: email, host: mail.example.org, from: stack@example.org, to: [a@example.org, b@example.org], user: stack, password: not-to-be-seen }
    team: { kind: slack, url: "https://hooks.slack.com/services/not-to-be-seen", severities: [critical, warning, info], quiet: { from: "22:00", to: "07:00" } }
    desk: { kind: webhook, url: "https://desk.example.org/not-to-be-seen", token: not-to-be-seen }
    phone: { kind: ntfy, url: "https://ntfy.example.org", topic: media, token: not-to-be-seen, severities: [critical] }
    tablet: { kind: gotify, url: "https://gotify.example.org/base/", token: not-to-be-seen, quiet: { from: "12:00", to: "13:30" } }
    pager: { kind: sms, url: "https://sms.example.org/send", to: ["+491701", "+491702"], user: u, password: not-to-be-seen, form: true, fields: { To: "{to}", Body: "{text}" }, severities: [critical] }
    pager-by-mail: { kind: sms, host: mail.example.org, tls: implicit, from: stack@example.org, to: ["491701@sms.example.org"], severities: [critical] }
`,
  },
  logs: {
    file: `profile: dev
components: { all-in-one: false, redis: true, engine-proxy: true, agent: true }
logs: { store: elasticsearch, url: "https://logs.example.org:9200/base", apiKey: not-to-be-seen, ca: not-to-be-seen, days: 30 }
`,
  },
  full: { flags: { profile: 'prod' }, file: 'observability: full\ncomponents: { sign-on: false }\n' },
  sentinel: { flags: { profile: 'prod' }, file: 'cache: { mode: sentinel }\ncomponents: { sign-on: false }\n' },
  'single-cache': {
    flags: { profile: 'dev-compose' },
    file: 'cache: { mode: single, memory: 64m, evictionPolicy: allkeys-lru, databases: 4 }\n',
  },
  'full-without-logs': {
    flags: { profile: 'dev-compose' },
    file: 'observability: full\ncomponents: { elasticsearch: false }\nimages: { grafana: "registry.example.org/grafana:1" }\n',
  },
  'sign-on': {
    flags: { profile: 'dev-compose' },
    file: `components: { sign-on: true, backup: false, agent: false, engine-proxy: false }
edge:
  domains: [media.example.org]
  waf: { mode: block }
  access:
    - { paths: [/share/], roles: [everyone] }
    - { paths: [/admin], roles: [admin] }
    - { paths: [/family, /photos], roles: [operator, family], mfa: true }
`,
  },
  'sign-on-servers': {
    flags: { profile: 'dev-compose' },
    file: `observability: off
components: { sign-on: true, backup: false, agent: false, engine-proxy: false }
edge: { domains: [media.example.org] }
signOn:
  mail: { host: smtp.example.org, from: "Films <films@example.org>", user: films, password: p, ca: c }
  ldap:
    url: ldap://192.0.2.7:1389
    baseDn: dc=example,dc=org
    bindDn: cn=reader,dc=example,dc=org
    bindPassword: r
    groups: { media-admins: [admin] }
`,
  },
  'sign-on-providers': {
    flags: { profile: 'dev-compose' },
    file: `observability: off
components: { sign-on: true, backup: false, agent: false, engine-proxy: false }
edge: { domains: [media.example.org] }
signOn:
  providers:
    company: { issuer: "https://login.example.org:8443", clientId: medianest, clientSecret: s, ca: c, label: Company, groups: { films: [member, family] } }
    open: { issuer: "https://open.example.net/", clientId: m, clientSecret: s, allow: ["@example.org"], everyone: [guest], mfa: trusted, hosts: [keys.example.net] }
  plex: { server: 0123456789abcdef }
`,
  },
  pages: {
    flags: { profile: 'dev-compose' },
    file: `observability: light
components: { sign-on: true, balancer: true, backup: false, agent: false, engine-proxy: false, node-exporter: false, postgres-exporter: false, redis-exporter: false, blackbox-exporter: false, alertmanager: false }
edge: { domains: [media.example.org], pages: true }
`,
  },
  bans: {
    flags: { profile: 'dev-compose' },
    file: `components: { crowdsec: true, backup: false, agent: false, engine-proxy: false }
edge: { trustedProxies: [203.0.113.1], operators: ["2001:db8:5::7"], waf: { mode: block } }
firewall: { lan: [192.168.7.0/24] }
bans: { never: [198.51.100.0/28], hours: 12 }
`,
  },
  vpn: {
    flags: { profile: 'dev-compose' },
    file: `observability: off
components: { vpn: true, backup: false, agent: false, engine-proxy: false }
edge: { domains: [media.example.org, localhost] }
vpn: { alsoReach: ["postgres:5432"], port: 51821, peersMeet: true }
`,
  },
  intrusion: {
    flags: { profile: 'dev-compose' },
    file: `observability: off
components: { suricata: true, app: false, postgres: false, redis: false, backup: false, agent: false, engine-proxy: false }
intrusion: { memory: 256m }
`,
  },
  bastion: {
    flags: { profile: 'dev-compose' },
    file: `observability: light
components: { edge: false, app: false, backup: false, agent: false, engine-proxy: false, bastion: true }
bastion: { address: every, port: 2022, allow: [database, cache, prometheus], allowOperators: [prometheus] }
`,
  },
  processes: {
    flags: { profile: 'staging' },
    file: `observability: off
components: { cdn: false, patroni: false, etcd: false, db-router: false, redis-cluster: false, backup: false, agent: false, engine-proxy: false, sign-on: false, postgres: true, redis: true }
logs: { store: off }
app: { image: "example.org/portal:1", after: [backend], env: { DB: "{database.url}" }, egress: [api.example.org] }
services:
  backend:
    port: 4000
    image: example.org/backend:1
    replicas: 2
    paths: [/api, /socket.io]
    host: api.example.org
    sticky: true
    health: { command: [/alive] }
    ready: { statuses: [200, 429], fall: 4 }
    needs: { uploads: true }
    secrets: { TOKEN: not-to-be-seen, KEY: { generate: 32, as: env } }
    volumes: { index: { path: /index, shared: false } }
    writable: [/cache]
  worker:
    command: [node, worker.js]
    needs: { external: false, cache: false }
    egress: ["smtp.example.org:587"]
    after: [app]
    stop: { signal: SIGQUIT, seconds: 120 }
`,
  },
  foreign: {
    flags: { profile: 'dev-compose' },
    files: { 'app.env': 'TOKEN="not-to-be-seen" # as Compose reads it\n' },
    file: `components: { edge: false, balancer: true }
app:
  image: example.org/foreign:1
  port: 8055
  user: "1000:1001"
  env:
    DB: "{database.url}"
    DB_HOST: "{database.host}"
    DB_PASSWORD_FILE: "{database.password}"
    CACHE: "{cache.url}"
    TEMPLATE: '{{user.name}} \\{braces} {"json":{"a":1}} $HOME'
  envFile: [app.env]
  egress: [api.example.org, "smtp.example.org:587"]
  secrets: { LICENCE: not-to-be-seen, SMTP: { value: not-to-be-seen, as: env }, KEY: { generate: 32 } }
  health: { startSeconds: 120 }
  readyPath: /server/ping
  ready: { statuses: [200, 429], intervalSeconds: 5, rise: 2, fall: 4 }
  uploadsPath: /app/uploads
  volumes: { data: { path: /app/data }, index: { path: /app/index, backup: false, shared: false } }
  writable: [/app/cache]
  migrate: [/entrypoint, migrate]
  replicas: 2
`,
  },
  shared: {
    flags: { profile: 'dev-compose' },
    file: `components: { balancer: true, cdn: true }
cdn: { host: files.example.org }
edge: { shared: true, address: every, httpPort: 80, httpsPort: 443, domains: [media.example.org, localhost] }
`,
  },
  probed: {
    flags: { profile: 'dev-compose' },
    file: 'components: { edge: false, postgres: true, redis: true }\napp: { image: "example.org/foreign:1", health: { get: /server/ping, intervalSeconds: 30 } }\n',
  },
  'two-replicas': {
    file: 'project: home\nprofile: mine\nexternal: { plex: { url: "http://192.168.1.20:32400", token: "t" }, uptimeKuma: { url: "http://192.168.1.21:3001" } }\n',
    files: {
      'profiles/mine.yml':
        'extends: dev-compose\ndescription: two replicas\napp: { replicas: 2, media: { kind: nfs, server: nas.lan, export: /volume1/films } }\nedge: { domains: [media.example.org], hsts: true }\n',
    },
  },
};
