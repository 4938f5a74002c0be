/** As wide as the terminal; a pipe or a file takes lines of any length. */
const terminalWidth = (): number => (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;

const GAP = 2;
/** A column narrower than this says nothing any more: rows are then written below each other. */
const NARROWEST = 12;

/** Columns padded to their widest cell; the last one is not padded. Where they do not fit, the widest are folded. */
export function table(rows: readonly (readonly string[])[], width = terminalWidth()): string {
  const natural = (rows[0] ?? []).map((_cell, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const widths = fitted(natural, width);
  if (!widths) return isHeader(rows[0]) ? records(rows) : lines(rows, natural);
  return lines(rows, widths);
}

const isHeader = (row: readonly string[] | undefined): boolean => row?.every((cell) => cell !== '' && cell === cell.toUpperCase()) ?? false;

/** Takes from the widest column until all fit; undefined where that would leave one too narrow. */
function fitted(natural: readonly number[], width: number): number[] | undefined {
  const widths = [...natural];
  const sum = () => widths.reduce((total, own) => total + own, GAP * (widths.length - 1));
  while (sum() > width) {
    const widest = Math.max(...widths);
    if (widest <= NARROWEST) return undefined;
    const next = Math.max(NARROWEST, ...widths.filter((own) => own < widest));
    const at = widths.indexOf(widest);
    widths[at] = Math.max(next === widest ? widest - 1 : next, widest - (sum() - width));
  }
  return widths;
}

function lines(rows: readonly (readonly string[])[], widths: readonly number[]): string {
  return rows
    .flatMap((row) => {
      const cells = row.map((cell, column) => folded(cell, widths[column] ?? 0));
      const height = Math.max(...cells.map((cell) => cell.length));
      return Array.from({ length: height }, (_line, at) =>
        cells
          .map((cell, column) => (column === row.length - 1 ? (cell[at] ?? '') : (cell[at] ?? '').padEnd(widths[column] ?? 0)))
          .join(' '.repeat(GAP))
          .trimEnd(),
      );
    })
    .join('\n');
}

/** At spaces where there are some, else wherever the width ends. */
function folded(text: string, width: number): string[] {
  if (text.length <= width) return [text];
  const space = text.lastIndexOf(' ', width);
  const at = space > 0 ? space : width;
  return [text.slice(0, at), ...folded(text.slice(at).trimStart(), width)];
}

/** One block for each row, its cells named by the header: for a terminal of 40 columns. */
function records([header = [], ...rows]: readonly (readonly string[])[]): string {
  const names = Math.max(...header.map((name) => name.length));
  return rows
    .map(([first = '', ...rest]) =>
      [
        first,
        ...rest.flatMap((cell, index) => (cell === '' || cell === '-' ? [] : [`  ${(header[index + 1] ?? '').padEnd(names)}  ${cell}`])),
      ].join('\n'),
    )
    .join('\n');
}
