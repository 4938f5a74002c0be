import type { Json, JsonObject } from '../../core/json.ts';
import { besideApp, otherPlaces, processName } from './beside-app.ts';
import type { ComposeProject, ComposeService } from './compose-project.ts';
import { cacheStore, databaseStore } from './environment.ts';
import type { Move } from './folders.ts';
import type { ImageFacts } from './health.ts';
import { imageName, type Judged, judgeServices } from './kinds.ts';
import { type Command, commandsOf } from './move-commands.ts';
import { type Around, type GivenSecret, type Process, processOf } from './process.ts';
import { caddyRoutes, labelRoutes, nginxRoutes, type Route } from './routes.ts';

/** All that was read of a foreign project. */
export interface Found {
  project: ComposeProject;
  /** As it was typed: what follows names it. */
  file: string;
  /** Configuration that proxies mount, by its file. */
  texts: Readonly<Record<string, string>>;
  secretFiles: Readonly<Record<string, string>>;
  images: Readonly<Record<string, ImageFacts | undefined>>;
  /** What Compose warned of, such as variables that are not set. */
  warnings: readonly string[];
}

export interface Proposal {
  settings: JsonObject;
  secrets: GivenSecret[];
  services: { name: string; image: string; as: string; why?: string }[];
  /** What is not taken, and why. */
  left: string[];
  notes: string[];
  commands: Command[];
}

const AS: Readonly<Record<Judged['kind'], string>> = {
  app: 'the application (app)',
  process: 'a process (services)',
  migration: 'the migration (app.migrate)',
  database: 'the database of the stack',
  cache: 'the cache of the stack',
  proxy: 'the edge of the stack',
  'other-store': 'not taken',
  replaced: 'not taken',
  cron: 'not taken',
};

/** What the operator has chosen for the stack. */
export interface Choice {
  /** Which service is the application; undefined where that is to be found. */
  app: string | undefined;
  profile: string;
  /** What the profile switches on. */
  components: readonly string[];
}

const SIGN_ON_NOTE =
  'sign-on: visitors are let in as before; without `components: { sign-on: false }` they sign in at the stack first (docs/sign-on.md)';

/** What the settings of this stack would be; undefined where the application is not plain. Nothing is asked and nothing is written. */
export function propose(found: Found, choice: Choice): Proposal | undefined {
  const { project, texts } = found;
  const signOn = choice.components.includes('sign-on');
  const judged = judgeServices(project, choice.app, texts);
  const of = (kind: Judged['kind']): ComposeService[] => judged.filter((entry) => entry.kind === kind).map(({ service }) => service);
  const [main] = of('app');
  if (!main) return undefined;
  const names = judged.filter(({ kind }) => kind === 'app' || kind === 'process').map(({ service }) => service.name);
  const routes = routesOf(project, texts, names);
  const domains = domainsOf(routes, main.name);
  const [database, ...databases] = of('database');
  const [cache, ...caches] = of('cache');
  const around: Around = {
    project,
    stores: { database: database && databaseStore(database, found.secretFiles), cache: cache && cacheStore(cache) },
    routes,
    domains,
    processes: names,
    images: found.images,
    secretFiles: found.secretFiles,
  };
  const app = processOf(main, 'app', ['app'], around);
  const beside = of('process').map((service) => {
    const name = processName(service.name);
    return { ...processOf(service, name, ['services', name], around), name };
  });
  const [migration, ...migrations] = of('migration');
  const services = Object.fromEntries(beside.map((process) => [process.name, besideApp(process, app, around)]));
  const ports = portsOf(of('proxy'), main);
  const edge = { ...(domains.length > 0 && { domains: [...domains] }), ...addressOf([...of('proxy'), main]), ...ports };
  const sameImage = migration?.image === main.image;
  const settings: JsonObject = {
    profile: choice.profile,
    project: `${project.name}-stack`.slice(0, 40),
    // One address, which every client of Redis knows. What elects a leader needs the agent.
    cache: { mode: choice.components.includes('agent') ? 'sentinel' : 'single' },
    // Its visitors and its programs come as they did where it is now.
    ...(signOn && { components: { 'sign-on': false } }),
    app: appSettings(app, sameImage ? migration : undefined),
    ...(beside.length > 0 && { services }),
    ...(Object.keys(edge).length > 0 && { edge }),
  };
  const kept = beside.flatMap((process) => process.secrets.filter(({ path }) => has(settings, path)));
  const moves = distinct([
    ...app.folders.moves,
    ...beside.flatMap(({ name, folders }) => folders.moves.map((move) => ({ ...move, to: `${name}_${move.to}` }))),
  ]);
  return {
    settings,
    secrets: [...app.secrets, ...kept],
    services: judged.map(({ service, kind, why }) => ({ name: service.name, image: service.image, as: AS[kind], ...(why && { why }) })),
    left: [
      ...judged.flatMap(({ service, why }) => (why ? [`${service.name} (${service.image}): ${why}`] : [])),
      ...app.left,
      ...beside.flatMap((process) => [...process.left, ...otherPlaces(process, app)]),
      ...[...databases, ...caches].map(
        ({ name }) => `${name}: the stack has one database and one cache; import its data into a schema of its own`,
      ),
      ...(migration && !sameImage
        ? [
            `${migration.name}: app.migrate runs in the image of the application, and this is ${migration.image}: run it before a deploy (app.hooks.pre)`,
          ]
        : []),
      ...migrations.map(({ name }) => `${name}: app.migrate runs one command`),
    ],
    notes: [
      ...found.warnings,
      ...notesOf(found, judged, database),
      ...(signOn ? [SIGN_ON_NOTE] : []),
      ...app.notes,
      ...beside.flatMap(({ notes }) => notes),
    ],
    commands: commandsOf({ file: found.file, judged, database, ports, moves, databaseName: around.stores.database?.database }),
  };
}

function routesOf(project: ComposeProject, texts: Found['texts'], names: readonly string[]): Route[] {
  return [
    ...project.services.filter(({ name }) => names.includes(name)).flatMap(labelRoutes),
    ...Object.values(texts).flatMap((text) => [...nginxRoutes(text, names), ...caddyRoutes(text, names)]),
  ];
}

function domainsOf(routes: readonly Route[], main: string): string[] {
  const hosts = routes.filter(({ service }) => service === main).flatMap((route) => route.hosts);
  return [...new Set(hosts.length > 0 ? hosts : routes.filter(({ paths }) => paths.length === 0).flatMap((route) => route.hosts))];
}

/** The ports that visitors know; those of the profile where the project has none. */
function portsOf(proxies: readonly ComposeService[], main: ComposeService): { httpPort?: number; httpsPort?: number } {
  const published = proxies.flatMap(({ ports }) => ports);
  const by = (...targets: number[]) => published.find(({ target, published: port }) => targets.includes(target) && port)?.published;
  const httpPort = by(80, 8080, 8000) ?? (proxies.length === 0 ? main.ports.find(({ published: port }) => port)?.published : undefined);
  const httpsPort = by(443, 8443, 4443);
  return { ...(httpPort && { httpPort }), ...(httpsPort && { httpsPort }) };
}

/** Published on this host’s own address alone: a proxy of the host stands before it. */
function addressOf(services: readonly ComposeService[]): { address?: string } {
  const published = services.flatMap(({ ports }) => ports.filter((port) => port.published));
  return published.length > 0 && published.every(({ address }) => address === '127.0.0.1') ? { address: '127.0.0.1' } : {};
}

function appSettings({ settings, folders, service }: Process, migration: ComposeService | undefined): JsonObject {
  return {
    ...settings,
    // One is what it had: whether it can be several, its author knows.
    replicas: Math.max(1, service.replicas),
    ...(folders.uploadsPath && { uploadsPath: folders.uploadsPath }),
    ...(Object.keys(folders.volumes).length > 0 && { volumes: folders.volumes as JsonObject }),
    ...(folders.media && { media: folders.media as unknown as JsonObject }),
    ...(migration && migration.command.length > 0 && { migrate: migration.command }),
    ...(service.stopSeconds && { drainSeconds: service.stopSeconds }),
  };
}

/** A volume that several mount is copied once. */
const distinct = (moves: readonly Move[]): Move[] =>
  moves.filter((move, index) => moves.findIndex(({ from }) => from === move.from) === index);

const has = (settings: JsonObject, path: readonly string[]): boolean => {
  let value: Json | undefined = settings;
  for (const key of path) value = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined;
  return value !== undefined;
};

function notesOf({ project, texts }: Found, judged: readonly Judged[], database: ComposeService | undefined): string[] {
  const proxies = judged.filter(({ kind }) => kind === 'proxy').map(({ service }) => service);
  const labels = project.services.some(({ labels: all }) => Object.keys(all).some((label) => /certresolver/.test(label)));
  const acme =
    labels ||
    proxies.some(({ image }) => /^(caddy|swag|nginx-proxy-manager)/.test(imageName(image))) ||
    judged.some(({ service }) => /acme|certbot|letsencrypt/.test(imageName(service.image)));
  const rules = Object.keys(texts).length > 0 || proxies.length > 0;
  return [
    ...(database && !/^(postgres|postgresql)$/.test(imageName(database.image))
      ? [
          `${database.name}: ${imageName(database.image)} brings extensions that the database here may not have: \`medianest import database\` names them before it starts`,
        ]
      : []),
    ...(rules
      ? ['the proxy: routes and names are taken; its own headers, redirects, limits and logins are not: edge.headers, edge.login, edge.waf']
      : []),
    ...(acme
      ? [
          'the proxy gets its certificates by ACME: `edge.certificate: acme` and certificates.acme do so here; until then the internal CA signs',
        ]
      : []),
  ];
}
