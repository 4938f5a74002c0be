import type { LogTarget } from '../../config.ts';

/** A document as it is on disk, and what is needed of it here. */
export interface Waiting {
  id: string;
  text: string;
}

/** What became of a `_bulk` request. */
export interface BulkOutcome {
  stored: number;
  /** To be sent again, later: the store had no time for them. */
  again: Waiting[];
  /** Never taken as they are, with the store's reason. */
  refused: { document: Waiting; reason: string }[];
}

/** The store cannot be used now; nothing of the request counts. */
export class StoreAway extends Error {}

/** The name of the data stream of a project. */
export const dataStream = (project: string): string => `logs-medianest-${project}`;

/** Where documents are sent, below the address of the store. VictoriaLogs is told which fields are what (its data-ingestion documentation). */
export const bulkPath = (kind: LogTarget['kind'], project: string): string =>
  kind === 'elasticsearch'
    ? `/${dataStream(project)}/_bulk`
    : '/insert/elasticsearch/_bulk?_time_field=@timestamp&_msg_field=message&_stream_fields=service,replica';

/** That of its audit log: no project has a dot in its name, so it is no other project's. */
export const auditStream = (project: string): string => `${dataStream(project)}.audit`;

/** As documents of the audit log begin. No line of a container does: what it says is in `message` and `fields`, which come later. */
const OF_AUDIT = /^\{"@timestamp":"[^"]*","id":"[\w-]{27}","service":"audit","replica":"audit","container":"audit",/;

/**
 * `create` alone: what is there already is refused with 409, and so nothing comes twice (Elasticsearch, "Bulk API").
 * @param audit the data stream of lines of the audit log; undefined where the store tells them apart itself
 */
export const bulkBody = (documents: readonly Waiting[], audit?: string): string =>
  documents
    .map(({ id, text }) => {
      const index = audit !== undefined && OF_AUDIT.test(text) ? `"_index":"${audit}",` : '';
      return `{"create":{${index}"_id":"${id}"}}\n${text}\n`;
    })
    .join('');

const ID = /"id":"([\w-]{27})"/;

/** @param line of a segment; undefined where it has no id, and so is none of ours */
export function waitingOf(line: string): Waiting | undefined {
  const id = ID.exec(line)?.[1];
  return id === undefined ? undefined : { id, text: line };
}

interface Item {
  status?: number;
  error?: { type?: string; reason?: string } | string;
}

/**
 * VictoriaLogs answers an item for each line that it took, and leaves out what it did not: mostly lines that are too long for it. Which
 * ones it does not say, so the longest are named.
 */
function leftOut(taken: number, documents: readonly Waiting[]): BulkOutcome {
  const longest = [...documents].sort((a, b) => b.text.length - a.text.length).slice(0, documents.length - taken);
  const reason = 'VictoriaLogs took fewer lines than it was sent, mostly for their length (-insert.maxLineSizeBytes)';
  return { stored: taken, again: [], refused: longest.map((document) => ({ document, reason })) };
}

/**
 * Judges each document by the answer's item of the same place. 200, 201: stored; 409: it was there; 429 and 5xx: again; any other: refused.
 * @throws StoreAway where the answer says nothing about single documents
 */
export function bulkOutcome(
  kind: LogTarget['kind'],
  { status, body }: { status: number; body: string },
  documents: readonly Waiting[],
): BulkOutcome {
  if (status !== 200) throw new StoreAway(`it answered ${status}: ${reasonIn(body)}`);
  const items = itemsIn(body);
  if (kind === 'victorialogs' && items && items.length < documents.length) return leftOut(items.length, documents);
  if (!items || items.length !== documents.length) throw new StoreAway('it answered 200 without an item for each document');
  const outcome: BulkOutcome = { stored: 0, again: [], refused: [] };
  for (const [index, item] of items.entries()) {
    const document = documents[index] as Waiting;
    const code = item.status ?? 0;
    if ((code >= 200 && code < 300) || code === 409) outcome.stored++;
    else if (code === 429 || code >= 500 || code === 0) outcome.again.push(document);
    else outcome.refused.push({ document, reason: `${code} ${reasonOf(item.error)}` });
  }
  return outcome;
}

function itemsIn(body: string): Item[] | undefined {
  try {
    const { items } = JSON.parse(body) as { items?: { create?: Item }[] };
    return items?.map((item) => item.create ?? {});
  } catch {
    return undefined;
  }
}

const reasonOf = (error: Item['error']): string =>
  typeof error === 'string' ? error : [error?.type, error?.reason].filter(Boolean).join(': ') || 'no reason given';

/** The reason that an answer of Elasticsearch gives, or its beginning. */
export function reasonIn(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: Item['error'] };
    if (error !== undefined) return reasonOf(error).slice(0, 300);
  } catch {
    // Not JSON, as of a proxy before it.
  }
  return body.slice(0, 200).trim() || 'nothing';
}

/** What to do about a request that was refused as a whole. */
export type Refusal = 'halve' | 'refuse' | 'wait';

/** 413 and 400 are about what was sent: a smaller request finds the document that it is about. Anything else may pass. */
export const onRefusal = (status: number, documents: number): Refusal =>
  status !== 400 && status !== 413 ? 'wait' : documents > 1 ? 'halve' : 'refuse';

const LONGEST_WAIT_MS = 30_000;

/** Milliseconds before attempt number `attempt` (from 1 on): 1 s, 2 s, 4 s, ... up to 30 s. */
export const backOff = (attempt: number): number => Math.min(LONGEST_WAIT_MS, 1_000 * 2 ** Math.min(attempt - 1, 10));
