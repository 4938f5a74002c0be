/** What a project may be called. */
export const PROJECT_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

const LONGEST = 63;
/** For a folder whose name has nothing that a project's may have, such as `/`. */
export const FALLBACK_PROJECT = 'medianest';

/**
 * The name of the project of a folder, by the rule of Compose (NormalizeProjectName in compose-go): in lower case, without
 * anything else than letters, digits, - and _. Also short enough, and plain: what Docker takes as a part
 * of an image's name, where no - may stand beside an _, nor more than two _ together.
 * @param folder its base name
 */
export function projectName(folder: string): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9_-]/g, '')
    .replace(/^[_-]+/, '')
    .slice(0, LONGEST)
    .replace(/[_-]{2,}/g, (run) => (/^(?:-+|__)$/.test(run) ? run : '-'))
    .replace(/_+$/, '');
  return name === '' ? FALLBACK_PROJECT : name;
}
