import { fold, hanging, widthOf } from './fold.ts';

const GAP = 2;
/** A column narrower than this says nothing any more: rows are then written below each other. */
const NARROWEST = 12;

/** Columns padded to their widest cell; the last one is not padded. Where they do not fit, the widest are folded, between words. */
export function table(rows: readonly (readonly string[])[], width = widthOf(process.stdout)): string {
  const columns = (rows[0] ?? []).map((_cell, column) => rows.map((row) => row[column] ?? ''));
  const natural = columns.map((cells) => Math.max(...cells.map((cell) => cell.length)));
  const least = columns.map((cells, column) => Math.min(natural[column] as number, Math.max(NARROWEST, ...cells.map(longestWord))));
  const widths = fitted(natural, least, width);
  if (!widths) return isHeader(rows[0]) ? records(rows, width) : lines(rows, least);
  return lines(rows, widths);
}

const isHeader = (row: readonly string[] | undefined): boolean => row?.every((cell) => cell !== '' && cell === cell.toUpperCase()) ?? false;

const longestWord = (cell: string): number => Math.max(...cell.split(' ').map((word) => word.length));

/** Takes from the widest column until all fit; undefined where a word would have to be broken for that. */
function fitted(natural: readonly number[], least: readonly number[], width: number): number[] | undefined {
  const widths = [...natural];
  let over = widths.reduce((total, own) => total + own, GAP * (widths.length - 1)) - width;
  for (; over > 0; over--) {
    const shrinkable = widths.map((own, column) => (own > (least[column] as number) ? own : 0));
    const widest = Math.max(0, ...shrinkable);
    if (widest === 0) return undefined;
    widths[shrinkable.indexOf(widest)] = widest - 1;
  }
  return widths;
}

function lines(rows: readonly (readonly string[])[], widths: readonly number[]): string {
  return rows
    .flatMap((row) => {
      const cells = row.map((cell, column) => fold(cell, widths[column] ?? 0).split('\n'));
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

/** One block for each row, its cells named by the header: for a terminal of 40 columns. */
function records([header = [], ...rows]: readonly (readonly string[])[], width: number): string {
  const names = Math.max(...header.map((name) => name.length));
  const named = (name = '', cell = '') => hanging(`  ${name.padEnd(names)}  `, cell, width);
  return rows
    .map(([first = '', ...rest]) =>
      [first, ...rest.flatMap((cell, index) => (cell === '' || cell === '-' ? [] : [named(header[index + 1], cell)]))].join('\n'),
    )
    .join('\n');
}
