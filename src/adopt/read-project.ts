import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { type ComposeProject, composeProject } from './plan/compose-project.ts';
import type { ImageFacts } from './plan/health.ts';
import { imageName } from './plan/kinds.ts';
import type { Found } from './plan/propose.ts';

/** A configuration is some pages; whatever is longer is no configuration. */
const LONGEST = 256 * 1024;

/** Reads a foreign project by Compose itself, so that anchors, `extends`, `include`, profiles and env files mean what they mean there. Changes nothing. */
export async function readProject(context: Context, file: string): Promise<Found> {
  const full = path.resolve(context.cwd, file);
  try {
    if (!statSync(full).isFile()) throw new UserError('USAGE', `${file} is no file`, 'name the compose file of the project');
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError('USAGE', `${file} cannot be read (${systemCode(error)})`, 'name the compose file of the project', { cause: error });
  }
  const docker = await context.docker();
  const warnings: string[] = [];
  const args = ['compose', '--file', full, '--project-directory', path.dirname(full), '--profile', '*', 'config', '--format', 'json'];
  const onLine = (line: string) => {
    const told = /level=warning msg="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]?.replaceAll('\\"', '"');
    if (told && !/`version` is obsolete/.test(told)) warnings.push(told);
  };
  const result = await docker.run(args, { signal: context.signal, cwd: path.dirname(full), streamsApart: true, onLine });
  if (result.exitCode !== 0)
    throw new UserError(
      'COMPOSE_REFUSED',
      `Compose cannot read ${file}: ${result.tail
        .filter((line) => !/level=warning/.test(line))
        .slice(-2)
        .join(' | ')}`,
      `correct it there: docker compose -f ${file} config`,
    );
  const project = composeProject(result.stdout);
  return {
    project,
    file,
    warnings,
    texts: proxyTexts(project),
    secretFiles: secretFiles(project),
    images: await imagesOf(context, project),
  };
}

/** What proxies mount of configuration: single files, and those of folders. */
function proxyTexts({ services }: ComposeProject): Record<string, string> {
  const files = services
    .filter(({ image }) => /nginx|openresty|caddy|swag|angie/.test(imageName(image)))
    .flatMap(({ mounts }) => mounts.filter(({ kind, target }) => kind === 'bind' && /nginx|caddy|conf/i.test(target)))
    .flatMap(({ source }) => filesIn(source));
  return Object.fromEntries(
    files.flatMap((file) => {
      const text = readable(file);
      return text === undefined ? [] : [[file, text]];
    }),
  );
}

function filesIn(source: string): string[] {
  try {
    if (statSync(source).isFile()) return [source];
    return readdirSync(source, { withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(conf|template)$|^Caddyfile/.test(entry.name))
      .map((entry) => path.join(source, entry.name));
  } catch (error) {
    // Routes that cannot be read are told: the application’s port is a guess then.
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function readable(file: string): string | undefined {
  try {
    const found = statSync(file);
    // A pipe or a device has no end, or none yet.
    return found.isFile() && found.size <= LONGEST ? readFileSync(file, 'utf8') : undefined;
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return undefined;
  }
}

/** By the project’s own name of the secret; without those whose file cannot be read, which is told. */
function secretFiles({ secrets }: ComposeProject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(secrets).flatMap(([key, file]) => {
      const text = file === undefined ? undefined : readable(file);
      return text === undefined ? [] : [[key, text.replace(/\r?\n$/, '')]];
    }),
  );
}

/** Of those that are on this host; without an engine none is. */
async function imagesOf(context: Context, { services }: ComposeProject): Promise<Record<string, ImageFacts | undefined>> {
  const docker = await context.docker();
  const refs = [...new Set(services.map(({ image }) => image))];
  const facts = await Promise.all(
    refs.map(async (ref): Promise<[string, ImageFacts | undefined]> => {
      const format = '{{json .Config.User}} {{json .Config.Healthcheck}}';
      const { exitCode, stdout } = await docker.run(['image', 'inspect', '--format', format, ref], {
        signal: context.signal,
        streamsApart: true,
      });
      const [, user = '""', check = 'null'] = /^("[^"]*") (.*)$/.exec(stdout.trim()) ?? [];
      return exitCode === 0
        ? [ref, { user: JSON.parse(user) as string, checksHealth: check !== 'null' && !check.includes('"NONE"') }]
        : [ref, undefined];
    }),
  );
  return Object.fromEntries(facts);
}
