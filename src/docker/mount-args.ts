/**
 * One `--mount` of `docker run`. Its value is a line of CSV, so a path with a comma or a quote is quoted; `--volume` has no way to
 * name a path with a colon.
 * @param fields such as `type=bind`, `source=/srv/a`, `target=/srv`, `readonly`
 */
export const mountArgs = (fields: readonly string[]): string[] => ['--mount', fields.map(csvField).join(',')];

/** A folder of the host in a container. */
export const bindArgs = (source: string, target: string, access: 'readonly' | 'writable' = 'writable'): string[] =>
  mountArgs(['type=bind', `source=${source}`, `target=${target}`, ...(access === 'readonly' ? ['readonly'] : [])]);

/** A volume, by the engine's name. */
export const volumeArgs = (name: string, target: string): string[] => mountArgs(['type=volume', `source=${name}`, `target=${target}`]);

const csvField = (text: string): string => (/[",\r\n]|^\s/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
