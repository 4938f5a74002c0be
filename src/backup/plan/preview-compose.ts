import { parse } from 'yaml';
import type { JsonObject } from '../../core/json.ts';
import { hasReference } from '../../services/app/environment/expand.ts';
import type { Settings } from '../../settings/schema.ts';
import { LABEL, volumeName } from '../../stack/labels.ts';
import { backedUp, withRole } from '../../stack/roles.ts';
import type { Rendered, RenderedFile, Service, Stack } from '../../stack/types.ts';
import type { FilePlace } from './holds.ts';

/** Volumes of a preview, besides those of the data. */
export const PREVIEW_SECRETS = 'preview-secrets';
export const PREVIEW_CONFIG = 'preview-config';
/** That of its database, and of its uploads. */
export const PREVIEW_DATABASE = 'postgres-data';
const PREVIEW_UPLOADS = 'uploads';

/** Names of all volumes that a preview writes into. @param places what of the application a set holds */
export const previewVolumes = (project: string, places: readonly FilePlace[]): string[] => {
  const files = new Set([PREVIEW_UPLOADS, ...places.map(({ mount }) => mount.source)]);
  return [PREVIEW_DATABASE, ...files, PREVIEW_SECRETS, PREVIEW_CONFIG].map((name) => volumeName(project, name));
};

/** The component that containers of a preview carry. */
export const PREVIEW_COMPONENT = 'preview';

/** What marks everything that a preview is made of. @param of the project whose backup it shows */
export const previewLabels = (project: string, of: string): Record<string, string> => ({
  [LABEL.preview]: project,
  [LABEL.previewOf]: of,
  [LABEL.project]: project,
});

/**
 * The settings that a preview's stack is built with: the application as it is, once, with a single database and a single cache
 * beside it. Nothing outside can be reached, so it is given no keys for that, and no media library.
 * @param components those of the preview
 */
export function previewSettings(settings: Settings, project: string, components: readonly string[], media: unknown): Settings {
  const app = settings.app as (JsonObject & { env?: Record<string, string> }) | undefined;
  return {
    ...settings,
    project,
    components: Object.fromEntries([
      ...Object.keys(settings.components).map((name) => [name, false]),
      ...components.map((name) => [name, true]),
    ]),
    // Nothing measures it: it is for looking at.
    observability: 'off',
    external: { plex: {}, overseerr: {}, uptimeKuma: {} } as Settings['external'],
    traces: { ...settings.traces, endpoint: undefined },
    app: {
      ...app,
      ...silent(app),
      replicas: 1,
      source: undefined,
      media,
      secrets: {},
      envFile: [],
      env: withoutReferences(app?.env),
      after: [],
    },
    services: {},
  };
}

/** Without the portal’s channels: what was still to be told when the backup was made is not told again. */
const silent = (app: JsonObject | undefined): JsonObject =>
  app?.portal === undefined ? {} : { portal: { mail: { tls: 'starttls' }, ntfy: {}, webhook: {} } };

/** What is started in a preview is the portal, which needs none of them: what they name may not be there. */
const withoutReferences = (env: Readonly<Record<string, string>> = {}): JsonObject =>
  Object.fromEntries(Object.entries(env).filter(([, value]) => !hasReference(value)));

export interface PreviewPlace {
  /** The preview's name and project. */
  project: string;
  /** The project whose backup it shows. */
  of: string;
  /** The image that runs the restored database, and its program: it archives nothing, and lets one role in. */
  database: { image: string; entrypoint: string[] };
}

/** Services of a preview by what they are; the cache and the application are undefined where there are none. */
export interface PreviewServices {
  database: Service;
  cache: Service | undefined;
  application: Service | undefined;
}

export function previewServices(stack: Stack): PreviewServices {
  const [database] = withRole(stack.services, 'database');
  if (!database) throw new Error('a preview is built without a database');
  return { database, cache: withRole(stack.services, 'cache')[0], application: withRole(stack.services, 'application')[0] };
}

/**
 * The Compose file of a preview, out of the one that `up` would write for the same stack. Each service stays as it is rendered
 * (image, user, environment, limits, hardening) but for what makes a preview: restored volumes, one network that leads nowhere,
 * no published port, and labels by which all of it is removed.
 */
export function previewCompose(rendered: Rendered, stack: Stack, place: PreviewPlace): JsonObject {
  const { project } = place;
  const document = parse(rendered.files.find(({ path }) => path === 'compose.yml')?.contents ?? '') as JsonObject;
  const definitions = document.services as Record<string, JsonObject>;
  const labels = previewLabels(project, place.of);
  const { database, cache, application } = previewServices(stack);
  const running = [database, ...(cache ? [cache] : []), ...(application ? [application] : [])];
  return {
    name: project,
    services: Object.fromEntries(
      running.map((service) => [
        service.name,
        {
          ...reduced(definitions[service.name] as JsonObject, service),
          ...(service === database && databaseProgram(place)),
          container_name: previewContainer(project, service),
          hostname: service.name,
          volumes: volumesOf(service, configOf(rendered, service).length > 0),
          labels: { ...labels, [LABEL.component]: PREVIEW_COMPONENT },
        },
      ]),
    ),
    networks: { preview: { internal: true, labels } },
    volumes: Object.fromEntries(
      [...running.flatMap((service) => restoredMounts(service).map(({ source }) => source)), PREVIEW_SECRETS, PREVIEW_CONFIG].map(
        (name) => [name, { name: volumeName(project, name), external: true }],
      ),
    ),
  };
}

/** `look-postgres`, and `look-app` of the only replica. */
export const previewContainer = (project: string, { name }: Service): string => `${project}-${name.replace(/-1$/, '')}`;

/** What has its place in a preview: the database, and what of the service is in a set. The rest begins empty, in memory. */
const restoredMounts = (service: Service) => (service.role === 'database' ? service.mounts.slice(0, 1) : backedUp(service, 'files'));

/** The configuration that is rendered for a service, relative to its folder. */
export const configOf = ({ files }: Rendered, { name, role }: Service): RenderedFile[] =>
  // The restored database has its own.
  role === 'database'
    ? []
    : files.flatMap((file) => (file.path.startsWith(`${name}/`) ? [{ ...file, path: file.path.slice(name.length + 1) }] : []));

function reduced(definition: JsonObject, service: Service): JsonObject {
  const { networks: _, ports: __, volumes: ___, labels: ____, depends_on: _____, ...kept } = definition;
  const kin = restoredMounts(service);
  const empty = service.mounts.filter((mount) => !kin.includes(mount));
  const owner = `uid=${service.uid},gid=${service.gid ?? service.uid},mode=0700`;
  return {
    ...kept,
    // It is for looking at: it does not come back with the host.
    restart: 'no',
    networks: ['preview'],
    environment: withoutCertificates(service.environment),
    tmpfs: [...((definition.tmpfs as string[] | undefined) ?? []), ...empty.map(({ target }) => `${target}:${owner}`)],
  };
}

/** A preview speaks plain HTTP inside its own network: no certificate is made for it. */
const withoutCertificates = (environment: Readonly<Record<string, string>>): JsonObject =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([key, value]) => (value.startsWith('/run/certs/') ? [] : [[key, value.replaceAll('$', '$$$$')]])),
  );

/** The database as it was restored runs by a program of its own, and is waited for by that. */
const databaseProgram = ({ database: { image, entrypoint } }: PreviewPlace): JsonObject => ({
  image,
  entrypoint,
  healthcheck: { disable: true },
});

const volumesOf = (service: Service, hasConfig: boolean): JsonObject[] => {
  const volume = (source: string, target: string, readOnly: boolean) => ({
    type: 'volume',
    source,
    target,
    ...(readOnly && { read_only: true }),
    volume: { nocopy: true },
  });
  return [
    ...restoredMounts(service).map(({ source, target }) => volume(source, target, false)),
    volume(PREVIEW_SECRETS, '/run/secrets', true),
    ...(hasConfig ? [volume(PREVIEW_CONFIG, '/etc/medianest', true)] : []),
  ];
};
