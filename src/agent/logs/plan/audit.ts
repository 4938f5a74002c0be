import { createHash } from 'node:crypto';
import { masked, maskedValue } from '../../../core/mask.ts';
import type { Cursor } from './cursor.ts';
import { documentIdOf, type LogDocument } from './document.ts';

/** What the lines of the audit log are in place of a container’s: no container has such a name. */
export const AUDIT = 'audit';

/** A line of the audit log on its way to the store, and up to where the log was taken with it. */
export interface AuditLine {
  document: LogDocument;
  cursor: Cursor;
}

/**
 * The lines of the audit log that were not taken yet. Each has `chain`, by which the store’s copy can be compared with the log.
 * @param text all that the log holds; a last line without its end is still being written
 * @param taken up to where it was taken. Where the log has that line no more, it is another log, and all of it is new
 */
export function auditLines(text: string, taken: Cursor | undefined): AuditLine[] {
  const lines = text.split('\n').slice(0, -1).filter(Boolean);
  const marks = lines.map(markOf);
  const from = taken === undefined ? 0 : marks.lastIndexOf(taken.since) + 1;
  let until = '';
  return lines.slice(from).map((line, index) => {
    const document = documentOf(line, until);
    until = document['@timestamp'] > until ? document['@timestamp'] : until;
    return { document, cursor: { id: AUDIT, since: marks[from + index] as string, skip: 0, until } };
  });
}

const markOf = (line: string): string => createHash('sha256').update(line).digest('base64url');

const NEVER = '1970-01-01T00:00:00.000000000Z';

/** @param before the time of the line before, for one that a crash has cut short */
function documentOf(line: string, before: string): LogDocument {
  const entry = entryOf(line);
  const time = momentOf(entry?.time) ?? (before || NEVER);
  const said = [entry?.command, entry?.reason && `(${entry.reason})`, entry?.result].filter((part) => typeof part === 'string');
  return {
    '@timestamp': time,
    id: documentIdOf(AUDIT, line, 0),
    service: AUDIT,
    replica: AUDIT,
    container: AUDIT,
    stream: AUDIT,
    level: entry?.result === 'done' ? 'info' : 'warn',
    message: masked(entry ? said.join(' ') : line),
    ...(entry && { fields: maskedValue(entry) as Record<string, unknown> }),
  };
}

function entryOf(line: string): Record<string, unknown> | undefined {
  try {
    const found: unknown = JSON.parse(line);
    return typeof found === 'object' && found !== null && !Array.isArray(found) ? (found as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** With nine digits, as the engine writes moments. */
const momentOf = (time: unknown): string | undefined =>
  typeof time === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time) && !Number.isNaN(Date.parse(time))
    ? `${time.slice(0, -1)}000000Z`
    : undefined;
