import { plural } from '../../core/plural.ts';
import type { DumpFacts } from './dump-filter.ts';

/** What a server says of a database (`COUNTS_SQL`). */
export interface Counts {
  tables: Record<string, number>;
  sequences: Record<string, { value: string; called: boolean }>;
}

/** How rows and sequences compare; empty where they are equal. One line each. */
export function differences(expected: Pick<DumpFacts, 'tables' | 'sequences'>, found: Counts): string[] {
  const tables = Object.entries(expected.tables).flatMap(([name, rows]) => {
    const there = found.tables[name];
    return there === rows ? [] : [`${name}: ${there === undefined ? 'missing' : plural(there, 'row')} instead of ${plural(rows, 'row')}`];
  });
  const sequences = Object.entries(expected.sequences).flatMap(([name, { value, called }]) => {
    const there = found.sequences[name];
    return there?.value === value && there.called === called ? [] : [`${name}: ${there?.value ?? 'missing'} instead of ${value}`];
  });
  return [...tables, ...sequences];
}

/** What was written to the source after its dump was begun: one line for each table. */
export const writtenSince = (dumped: Pick<DumpFacts, 'tables'>, source: Counts): string[] =>
  Object.entries(source.tables).flatMap(([name, rows]) => {
    const there = dumped.tables[name];
    return there === undefined || there === rows ? [] : [`${name}: ${plural(rows, 'row')} by now, ${there} imported`];
  });

export const rowsOf = ({ tables }: Pick<DumpFacts, 'tables'>): number => Object.values(tables).reduce((sum, rows) => sum + rows, 0);
