/** One rule that matched a request. */
export interface WafMatch {
  rule: number;
  message: string;
  /** What it looked at: `ARGS:json.title`, `REQUEST_HEADERS:user-agent`. */
  part: string;
  /** The words that it took for an attack; never the whole value, which may be a secret. */
  found: string;
}

export interface WafEntry {
  time: string;
  client: string;
  method: string;
  path: string;
  blocked: boolean;
  requestId: string;
  matches: WafMatch[];
}

const MAX_FOUND = 80;

/** These only add the others' scores up. */
const isSum = (rule: number): boolean => [949, 959, 980].includes(Math.trunc(rule / 1000));

interface AuditLine {
  transaction: {
    client_ip: string;
    time_stamp: string;
    unique_id: string;
    request: { method: string; uri: string };
    response: { http_code: number };
    producer: { secrules_engine: string };
    messages: { message: string; details: { match: string; ruleId: string; data: string } }[];
  };
}

interface AccessLine {
  requestId: string;
  time: string;
  client: string;
  method: string;
  status: number;
}

/** How many lines of the access log wait for a line of the WAF about the same request. */
const WAITING = 20_000;

/**
 * Takes the lines of the edge's log, as `docker compose logs` prints them, and gives what the WAF found, oldest first.
 * Its own line tells the rules; the access log's line of the same request tells the client's own method.
 */
export function wafCollector() {
  const audits = new Map<string, AuditLine['transaction']>();
  const accesses = new Map<string, AccessLine>();
  return {
    add(line: string): void {
      const value = parseLine(line);
      // A request that is refused before its body is known is written down twice, and the later line tells more.
      if (isAudit(value)) audits.set(value.transaction.unique_id, value.transaction);
      else if (isAccess(value)) {
        accesses.set(value.requestId, value);
        if (accesses.size > WAITING + audits.size) {
          const oldest = accesses.keys().next().value;
          if (oldest !== undefined && !audits.has(oldest)) accesses.delete(oldest);
        }
      }
    },
    entries: (): WafEntry[] =>
      [...audits.values()]
        .map((audit) => entryOf(audit, accesses.get(audit.unique_id)))
        .filter(({ matches }) => matches.length > 0)
        .sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
  };
}

function entryOf(audit: AuditLine['transaction'], access: AccessLine | undefined): WafEntry {
  const status = access?.status ?? audit.response.http_code;
  return {
    time: access ? new Date(access.time).toISOString() : auditTime(audit.time_stamp),
    client: access?.client ?? audit.client_ip,
    method: access?.method ?? audit.request.method,
    path: audit.request.uri.replace(/\?.*$/s, ''),
    blocked: audit.producer.secrules_engine === 'Enabled' && (status === 403 || status === 400) && refuses(audit),
    requestId: audit.unique_id,
    matches: audit.messages.map(matchOf).filter(({ rule }) => !isSum(rule)),
  };
}

/** A rule that refuses was among them: the sum of the scores, or one about a body that cannot be read. */
const refuses = (audit: AuditLine['transaction']): boolean =>
  audit.messages.some(({ details }) => isSum(Number(details.ruleId)) || /^20000\d$/.test(details.ruleId));

function matchOf({ message, details }: AuditLine['transaction']['messages'][number]): WafMatch {
  const [, words, within] = /^Matched Data: (.*?) found within (.*)$/s.exec(details.data) ?? [];
  const variable = /against variable `(.+?)' \(Value: /s.exec(details.match)?.[1];
  const part = variable ?? partOf(within ?? '');
  return { rule: Number(details.ruleId), message, part, found: (words ?? '').slice(0, MAX_FOUND) };
}

/** `ARGS:q: the value` -> `ARGS:q`. */
const partOf = (within: string): string => /^[A-Z_]+(?::[^\s:]+)?/.exec(within)?.[0] ?? '';

/** `Mon Nov 23 12:32:59 2026`, in the container's time zone, which is UTC. */
function auditTime(text: string): string {
  const time = new Date(`${text} UTC`);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

function parseLine(line: string): unknown {
  const start = line.indexOf('{');
  if (start < 0) return undefined;
  try {
    return JSON.parse(line.slice(start));
  } catch {
    return undefined;
  }
}

function isAudit(value: unknown): value is AuditLine {
  const transaction = (value as Partial<AuditLine> | undefined)?.transaction;
  return typeof transaction?.unique_id === 'string' && Array.isArray(transaction.messages) && typeof transaction.request?.uri === 'string';
}

const isAccess = (value: unknown): value is AccessLine =>
  typeof (value as Partial<AccessLine> | undefined)?.requestId === 'string' && typeof (value as AccessLine).status === 'number';
