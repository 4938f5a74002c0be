/** As wide as the terminal; a pipe or a file takes lines of any length. */
export const widthOf = (stream: { isTTY?: boolean; columns?: number }): number =>
  (stream.isTTY && stream.columns) || Number.POSITIVE_INFINITY;

/**
 * Lines of at most `width` characters, folded at spaces. What follows is indented as its line is, and by so much more. A word that is longer
 * stays whole: a path or an address that is broken cannot be copied.
 */
export const fold = (text: string, width: number, more = 0): string =>
  text
    .split('\n')
    .flatMap((line) => folded(line, width, more))
    .join('\n');

function folded(line: string, width: number, more: number): string[] {
  if (line.length <= width) return [line];
  const own = /^ */.exec(line)?.[0].length ?? 0;
  const indent = ' '.repeat(Math.min(own + more, Math.floor(width / 2)));
  const lines: string[] = [];
  let rest = line;
  while (rest.length > width) {
    const start = lines.length === 0 ? own : indent.length;
    const before = rest.lastIndexOf(' ', width);
    const at = before > start ? before : rest.indexOf(' ', start + 1);
    if (at === -1) break;
    lines.push(rest.slice(0, at).trimEnd());
    rest = indent + rest.slice(at).trimStart();
  }
  return [...lines, rest];
}

/** As much of a text as fits, to the end of a word. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const space = text.lastIndexOf(' ', width - 2);
  return `${text.slice(0, space > 0 ? space : Math.max(0, width - 2)).replace(/[,:;]$/, '')} …`;
}

/** The first lines of a text, as many as there are rows; the last of them counts what is left out. */
export function head(text: string, rows: number): string {
  const lines = text.split('\n');
  if (lines.length <= rows) return text;
  const shown = Math.max(0, rows - 1);
  return [...lines.slice(0, shown), `(${lines.length - shown} more lines)`].join('\n');
}

/** A start that stands alone on its side, and a text beside it. @param painted the start as it is shown, with its colour */
export function hanging(start: string, text: string, width: number, painted = start): string {
  const lines = fold(text, Math.max(1, width - start.length)).split('\n');
  return (painted + lines.join(`\n${' '.repeat(start.length)}`)).trimEnd();
}
