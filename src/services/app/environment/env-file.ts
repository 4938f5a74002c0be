import { UserError } from '../../../core/errors.ts';

/** A name, and what separates it from its value: `export A=`, `A: `. */
const NAME = /(?:export[^\S\n]+)?([A-Za-z_][\w.]*)[^\S\n]*[=:][^\S\n]*/y;
const BLANK = /(?:\s|#[^\n]*(?:\n|$))+/y;
/** In quotes, over several lines too, and what may follow them on the line. */
const QUOTED = /(?:'((?:\\'|[^'])*)'|"((?:\\[\s\S]|[^"\\])*)")[^\S\n]*(?:#[^\n]*)?(?=\n|$)/y;
const PLAIN = /[^\n]*/y;
/** `$$`, `${NAME}` with a default or without, `$NAME`. */
const VARIABLE = /\$(?:(\$)|\{([A-Za-z_]\w*)(?:(:?-)([^}]*))?\}|([A-Za-z_]\w*))/g;
const ESCAPED: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\', '"': '"', $: '$' };

/**
 * Reads an environment file as Docker Compose does (docs.docker.com/reference/compose-file, "Syntax for environment files"): comments, quotes, escapes,
 * `export`, values of several lines, and variables that stand above. Compose would take what does not from the shell that it is started in, which is
 * another one with each command: that is refused.
 * @param file as messages name it @param known variables of the files before it
 * @returns the variables of this file, by name
 * @throws UserError INVALID_SETTINGS with the line
 */
export function parseEnvFile(text: string, file: string, known: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const found = new Map<string, string>();
  const source = text.replace(/^\uFEFF/, '').replaceAll('\r\n', '\n');
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    pattern.lastIndex = at;
    const match = pattern.exec(source);
    if (match) at = pattern.lastIndex;
    return match ?? undefined;
  };
  const refuse = (why: string, fix: string) => {
    const where = `${file}:${source.slice(0, at).split('\n').length}`;
    return new UserError('INVALID_SETTINGS', `${where}: ${why}`, fix, { path: where });
  };
  const look = (name: string, fallback: string | undefined, orEmpty: boolean): string => {
    const value = found.get(name) ?? known.get(name);
    if (value !== undefined && !(orEmpty && value === '')) return value;
    if (fallback !== undefined) return fallback;
    throw refuse(`$${name} is not set above`, `set ${name} before it, give a default: \${${name}:-...}, or write $$ for a dollar sign`);
  };
  const expand = (value: string): string =>
    value.replace(VARIABLE, (_all, dollar, braced, kind, fallback, bare) => (dollar ? '$' : look(braced ?? bare, fallback, kind === ':-')));
  // What is escaped is no variable: each piece between is expanded by itself.
  const unescaped = (value: string): string =>
    value
      .split(/(\\[\s\S])/)
      .map((piece) => (/^\\[\s\S]$/.test(piece) ? (ESCAPED[piece[1] as string] ?? piece) : expand(piece)))
      .join('');
  for (take(BLANK); at < source.length; take(BLANK)) {
    const name = take(NAME)?.[1];
    if (name === undefined)
      throw refuse('is no NAME=value', 'write NAME=value; a name alone takes its value from the shell, which medianest does not');
    if (source[at] === "'" || source[at] === '"') {
      const quoted = take(QUOTED);
      if (!quoted)
        throw refuse(`the quotes of ${name} are not closed, or more follows them`, "close them, or put the whole value in them: '...'");
      const [, single, double = ''] = quoted;
      found.set(name, single !== undefined ? single.replaceAll("\\'", "'") : unescaped(double));
    } else found.set(name, expand((take(PLAIN)?.[0] ?? '').replace(/\s#.*$/, '').trimEnd()));
  }
  return found;
}
