import { createHash } from 'node:crypto';
import { isShallow } from '../../../core/json.ts';
import { correlationOf, readText, traceOf } from '../../../logs/plan/log-line.ts';
import type { Line } from './lines.ts';

/** A line as it is kept and shipped. The mappings of Elasticsearch are in templates.ts. */
export interface LogDocument {
  '@timestamp': string;
  /** Of the same line always the same: it is stored once. */
  id: string;
  /** `app`: what the replicas have in common. */
  service: string;
  /** `app-1`, as Compose calls it. */
  replica: string;
  container: string;
  stream: 'stdout' | 'stderr' | 'audit';
  level: string;
  message: string;
  correlationId?: string;
  traceId?: string;
  /** Bytes of a line of which only the beginning is kept. */
  cutFrom?: number;
  /** All that a line of JSON has. */
  fields?: Record<string, unknown>;
}

export interface Origin {
  /** The Compose service. */
  service: string;
  container: string;
  /** As the engine numbers it. */
  id: string;
}

/** Of one line the same in every run. */
export const documentIdOf = (container: string, time: string, n: number): string =>
  createHash('sha256').update(`${container} ${time} ${n}`).digest('base64url').slice(0, 27);

/**
 * Called for every line that any container writes: no object is made that is not kept.
 * @param n its number among the lines of its moment
 */
export function documentOf({ stream, time, text, cutFrom }: Line, n: number, { service, container, id }: Origin): LogDocument {
  const { level, message, fields } = readText(text);
  const document: LogDocument = {
    '@timestamp': time,
    id: documentIdOf(id, time, n),
    service: service.replace(/-\d+$/, ''),
    replica: service,
    container,
    stream,
    level,
    message,
  };
  const [correlationId, traceId] = [correlationOf(fields), traceOf(fields)];
  if (correlationId !== undefined) document.correlationId = correlationId;
  if (traceId !== undefined) document.traceId = traceId;
  if (cutFrom !== undefined) document.cutFrom = cutFrom;
  if (fields) document.fields = isShallow(fields, DEEPEST) ? fields : (flatEnough(fields, 0) as Record<string, unknown>);
  return document;
}

/** Elasticsearch refuses `flattened` fields of more than 20 levels. */
const DEEPEST = 10;

/** What is deeper is its JSON. */
function flatEnough(value: unknown, level: number): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (level === DEEPEST) return JSON.stringify(value);
  if (Array.isArray(value)) return value.map((entry) => flatEnough(entry, level + 1));
  return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, flatEnough(entry, level + 1)]));
}
