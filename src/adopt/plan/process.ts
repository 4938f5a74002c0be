import type { Json, JsonObject } from '../../core/json.ts';
import type { ComposeProject, ComposeService } from './compose-project.ts';
import { isVariableName, namesOthers, type Stores, type Variable, variablesOf } from './environment.ts';
import { type Folders, foldersOf } from './folders.ts';
import { healthOf, type ImageFacts } from './health.ts';
import { refusalsOf } from './refusals.ts';
import type { Route } from './routes.ts';

/** A secret that is written into a file of its own. */
export interface GivenSecret {
  /** The setting that names the file. */
  path: string[];
  /** Its name in the folder of secrets. */
  file: string;
  value: string;
}

/** One service of the foreign project as one process of ours. */
export interface Process {
  service: ComposeService;
  name: string;
  port: number | undefined;
  settings: JsonObject;
  secrets: GivenSecret[];
  variables: Variable[];
  folders: Folders;
  left: string[];
  notes: string[];
}

export interface Around {
  project: ComposeProject;
  stores: Stores;
  routes: readonly Route[];
  domains: readonly string[];
  /** Names of all processes of the foreign project. */
  processes: readonly string[];
  images: Readonly<Record<string, ImageFacts | undefined>>;
  /** Contents of the files of the project’s secrets. */
  secretFiles: Readonly<Record<string, string>>;
}

/** What answers where no path of its own is known: also an application that asks for a password, or sends visitors on. */
const ANSWERS = [200, 204, 301, 302, 303, 307, 308, 401, 403, 404];

const PRIVILEGED_PORT = 1024;

function portOf(service: ComposeService, routes: readonly Route[]): number | undefined {
  const given = Number(service.environment.PORT);
  return (
    routes.find((route) => route.service === service.name && route.port !== undefined)?.port ??
    (Number.isInteger(given) && given > 0 ? given : undefined) ??
    service.ports[0]?.target ??
    service.expose[0]
  );
}

/** @param setting where its settings stand: `app`, or `services.NAME` */
export function processOf(service: ComposeService, name: string, setting: readonly string[], around: Around): Process {
  const isApp = setting.length === 1;
  const { project, stores, routes, domains, images, secretFiles } = around;
  const port = portOf(service, routes) ?? (isApp ? 3000 : undefined);
  const variables = variablesOf(service, project, stores, domains);
  const folders = foldersOf(service, project, isApp);
  const image = images[service.image];
  const { health, path } = healthOf(service, image);
  const fromFiles = service.secrets.flatMap(({ source, target }): Variable[] => {
    const value = secretFiles[source];
    const variable = Object.entries(service.environment).find(([key, file]) => isVariableName(key) && file === target)?.[0];
    return value === undefined || !variable?.endsWith('_FILE') ? [] : [{ kind: 'secret', name: variable.slice(0, -5), value, as: 'file' }];
  });
  const all = [...variables, ...fromFiles];
  const env = Object.fromEntries(all.flatMap((entry) => (entry.kind === 'plain' ? [[entry.name, entry.value]] : [])));
  const secrets = all.filter((entry) => entry.kind === 'secret');
  const user = userOf(service, image);
  const settings: JsonObject = {
    image: service.image,
    ...(port !== undefined && { port }),
    ...(service.command.length > 0 && { command: service.command }),
    ...(user && { user }),
    ...(service.replicas > 1 && { replicas: service.replicas }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(secrets.length > 0 && {
      secrets: Object.fromEntries(secrets.map((entry): [string, Json] => [entry.name, entry.as === 'env' ? { value: '', as: 'env' } : ''])),
    }),
    ...(health && (port !== undefined || 'command' in health) && { health: health as JsonObject }),
    ...(port !== undefined && { readyPath: path ?? '/', ...(path === undefined && { ready: { statuses: ANSWERS } }) }),
    ...(folders.writable.length > 0 && { writable: folders.writable }),
    ...(service.memoryBytes && { memory: `${Math.ceil(service.memoryBytes / 1024 ** 2)}m` }),
    ...(service.cpus && { cpus: service.cpus }),
  };
  return {
    service,
    name,
    port,
    settings,
    secrets: secrets.map((entry) => ({
      path: [...setting, 'secrets', entry.name, ...(entry.as === 'env' ? ['value'] : [])],
      file: [...setting.slice(1), entry.name].join('-'),
      value: entry.value,
    })),
    variables: all,
    folders,
    left: [...refusalsOf(service), ...misnamed(service), ...folders.left, ...unread(service, around)],
    notes: notesOf(service, port, user, around),
  };
}

const misnamed = ({ name, environment }: ComposeService): string[] =>
  Object.keys(environment)
    .filter((key) => !isVariableName(key))
    .map((key) => `${name}: the variable ${key}: a name has letters, digits and _ here; can the application be told by a file?`);

/** Secrets of files that could not be read, or that no variable names. */
const unread = ({ name, secrets, environment }: ComposeService, { secretFiles }: Around): string[] =>
  secrets.flatMap(({ source, target }) => {
    if (secretFiles[source] === undefined) return [`${name}: the secret ${source}: its file cannot be read; set app.secrets yourself`];
    const named = Object.entries(environment).some(([key, value]) => value === target && key.endsWith('_FILE'));
    return named
      ? []
      : [`${name}: the secret ${source} at ${target}: no variable names it; here it would be a file that NAME_FILE names (app.secrets)`];
  });

/** Compose’s user, or the image’s, where it is in digits. */
function userOf({ user }: ComposeService, image: ImageFacts | undefined): string | undefined {
  const known: Readonly<Record<string, string>> = { node: '1000:1000', nobody: '65534:65534', 'www-data': '33:33', nginx: '101:101' };
  for (const text of [user, image?.user]) {
    if (text === undefined || text === '') continue;
    if (/^\d+(:\d+)?$/.test(text) && !/^0(:|$)/.test(text)) return text;
    const name = text.split(':')[0] as string;
    if (known[name]) return known[name];
  }
  return undefined;
}

function notesOf(service: ComposeService, port: number | undefined, user: string | undefined, { processes, routes }: Around): string[] {
  const { name, built, image } = service;
  const others = processes.filter((other) => other !== name);
  const named = Object.entries(service.environment).flatMap(([key, value]) =>
    namesOthers(value, others).map((other) => `${key} (${other})`),
  );
  return [
    ...(built
      ? [
          `${name}: ${image} is built by \`docker compose build\`, not by medianest: build it before \`medianest up\`, or push it to a registry`,
        ]
      : []),
    ...(user === undefined ? [`${name}: which user its image runs as is not known, or it is root: here it is uid 10001 (app.user)`] : []),
    ...(port !== undefined && port < PRIVILEGED_PORT
      ? [`${name}: port ${port} is below ${PRIVILEGED_PORT}: the process has no right to it; let it listen on another, such as 8080`]
      : []),
    ...(portOf(service, routes) === undefined && port !== undefined
      ? [`${name}: its port is not said anywhere: ${port} is a guess (app.port)`]
      : []),
    ...(named.length > 0
      ? [`${name}: ${named.join(', ')}: other processes have other addresses here; their paths at the edge are reached at {edge.url}`]
      : []),
  ];
}
