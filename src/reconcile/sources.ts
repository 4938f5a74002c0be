import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

/** Every file below a folder, relative to it, sorted; what a Dockerfile's build does not see is left out. */
function filesBelow(folder: string, prefix = ''): string[] {
  return readdirSync(path.join(folder, prefix), { withFileTypes: true })
    .filter((entry) => entry.name !== 'node_modules')
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const name = path.posix.join(prefix, entry.name);
      return entry.isDirectory() ? filesBelow(folder, name) : [name];
    });
}

/** The templates of these components: path relative to `templates/` -> text. */
export function readTemplates(home: string, components: readonly string[]): Map<string, string> {
  const root = path.join(home, 'templates');
  return new Map(
    components.flatMap((component) =>
      filesBelow(path.join(root, component))
        .filter((file) => file === 'compose.yml.hbs' || file === 'rules.yml' || file.startsWith('config/'))
        .map((file): [string, string] => [`${component}/${file}`, readFileSync(path.join(root, component, file), 'utf8')]),
    ),
  );
}

/**
 * A hash over names, executable bits and contents of an image's source, so that an unchanged one is never rebuilt. Other modes
 * need no part in it: the Dockerfile sets them (`COPY --chmod`), whatever umask the source was written under.
 * @param context folder relative to the package, such as `templates/edge/image`
 */
export function hashImageSource(home: string, context: string): string {
  return hashFolder(path.join(home, context));
}

function hashFolder(folder: string): string {
  const hash = createHash('sha256');
  for (const file of filesBelow(folder)) {
    const contents = readFileSync(path.join(folder, file));
    hash.update(`${file}\0${statSync(path.join(folder, file)).mode & 0o111 ? 'x' : '-'}\0${contents.length}\0`).update(contents);
  }
  return hash.digest('hex');
}
