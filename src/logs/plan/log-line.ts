import { isShallow } from '../../core/json.ts';
import { masked, maskedValue, mayHoldSecret } from '../../core/mask.ts';

/** In the order of their weight. */
export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;

export type Level = (typeof LEVELS)[number];

/** What a service has written, with what the line itself says about time and weight. */
export interface LogLine {
  service: string;
  time: string;
  level: Level;
  message: string;
  /** Everything that a line of JSON has. */
  fields?: Record<string, unknown>;
}

/** What is shown of it. */
export interface Wanted {
  /** This level and what is heavier; undefined shows all but probes. */
  level?: Level | undefined;
  pattern?: RegExp | undefined;
  /** The id of one request, or of its trace. */
  correlation?: string | undefined;
  /** Paths that health checks ask for. */
  probes: readonly string[];
}

/** `app-1-1  | 2026-11-25T10:00:00.123456789Z text`, as `docker compose logs --timestamps` prints it. */
const COMPOSE = /^(\S+)-\d+ +\| (\d{4}-\d\d-\d\dT[\d:.]+Z) ?(.*)$/;

/** A line as Compose prints it; undefined for what Compose itself has to say. */
export function logLine(raw: string): LogLine | undefined {
  const [, service, time, text = ''] = COMPOSE.exec(raw) ?? [];
  if (service === undefined || time === undefined) return undefined;
  return { service, time, ...readText(text) };
}

/** What a line says of itself: an object of JSON is read, any other text is the message. Secrets in it are masked. */
export function readText(text: string): Pick<LogLine, 'level' | 'message' | 'fields'> {
  const found = fieldsOf(text);
  if (!found) return { level: levelOfText(text), message: masked(text) };
  const fields = mayHoldSecret(text) ? (maskedValue(found) as Record<string, unknown>) : found;
  return { level: levelOfFields(fields), message: messageOf(fields) ?? masked(text), fields };
}

/** The id that one request has in every log: the edge's and the balancer's `requestId`, the portal's `correlationId`. */
export const correlationOf = (fields: Readonly<Record<string, unknown>> | undefined): string | undefined =>
  fields && (textOf(fields.correlationId) ?? textOf(fields.requestId) ?? textOf(fields.correlation_id) ?? textOf(fields.request_id));

/** The id of its trace, as the W3C's trace context and OpenTelemetry name it. */
export const traceOf = (fields: Readonly<Record<string, unknown>> | undefined): string | undefined =>
  fields && (textOf(fields.traceId) ?? textOf(fields.trace_id));

export function isWanted(line: LogLine, { level, pattern, probes, correlation }: Wanted): boolean {
  const weight = isProbe(line, probes) ? 0 : LEVELS.indexOf(line.level);
  const least = level === undefined ? (isProbe(line, probes) ? 1 : 0) : LEVELS.indexOf(level);
  return weight >= least && (correlation === undefined || isOf(correlation, line)) && (pattern === undefined || pattern.test(plain(line)));
}

/** A text that names the id belongs to it too: a program that writes no JSON. */
const isOf = (id: string, { fields, message }: LogLine): boolean =>
  correlationOf(fields) === id || traceOf(fields) === id || message.includes(id);

/** A health check that went well: every few seconds, and of no interest. */
function isProbe({ message, fields, level }: LogLine, probes: readonly string[]): boolean {
  if (level === 'warn' || level === 'error') return false;
  const path = fields ? textOf(fields.path) : /\b(?:GET|HEAD|OPTIONS) (\S+)/.exec(message)?.[1];
  return path !== undefined && probes.includes(path.split('?')[0] as string);
}

/** How it is shown in columns: each a text, so that the caller can colour them. */
export function columns({ service, time, level, message, fields }: LogLine): {
  time: string;
  service: string;
  level: string;
  text: string;
  rest: string;
} {
  const seconds = `${time.slice(0, 19).replace('T', ' ')}Z`;
  return { time: seconds, service: service.padEnd(14), level: level.padEnd(5), text: message, rest: fields ? restOf(fields) : '' };
}

const plain = (line: LogLine): string => [line.message, line.fields ? restOf(line.fields) : ''].filter(Boolean).join('  ');

/** An object that is nested deeper is a text: what reads objects level by level would run out of stack. */
const DEEPEST = 100;

function fieldsOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const found = JSON.parse(text) as Record<string, unknown>;
    return text.length < 2 * DEEPEST || isShallow(found, DEEPEST) ? found : undefined;
  } catch {
    return undefined;
  }
}

const textOf = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined);

/** Told elsewhere in the line. */
const TOLD = ['time', 'ts', 'timestamp', 'level', 'severity', 'msg', 'message', 'what', 'method', 'path', 'status', 'pid', 'hostname', 'v'];

function messageOf(fields: Record<string, unknown>): string | undefined {
  const said = textOf(fields.msg) ?? textOf(fields.message) ?? textOf(fields.what);
  const { method, path, status } = fields;
  const request = textOf(method) && textOf(path) ? [method, path, status].filter((part) => part !== undefined).join(' ') : undefined;
  return request && (said === undefined || said === 'request') ? request : request ? `${said} (${request})` : said;
}

const restOf = (fields: Record<string, unknown>): string =>
  Object.entries(fields)
    .filter(([name, value]) => !TOLD.includes(name) && value !== '' && value !== null && value !== undefined)
    .map(([name, value]) => `${name}=${typeof value === 'string' && !/\s/.test(value) ? value : JSON.stringify(value)}`)
    .join(' ');

const WORDS: Readonly<Record<string, Level>> = {
  ...{ trace: 'debug', debug: 'debug', info: 'info', log: 'info', notice: 'info', hint: 'info', detail: 'info', statement: 'info' },
  ...{ warn: 'warn', warning: 'warn', error: 'error', alert: 'error', emerg: 'error', crit: 'error', critical: 'error' },
  ...{ fatal: 'error', panic: 'error', dpanic: 'error' },
};

/** pino's numbers, where an application writes those. */
const ofNumber = (value: number): Level => (value >= 50 ? 'error' : value >= 40 ? 'warn' : value >= 30 ? 'info' : 'debug');

function levelOfFields(fields: Record<string, unknown>): Level {
  const given = fields.level ?? fields.severity;
  if (typeof given === 'number') return ofNumber(given);
  const word = textOf(given);
  const known = word === undefined ? undefined : WORDS[word.toLowerCase()];
  return known ?? (Number(fields.status) >= 500 ? 'error' : 'info');
}

/** Of Redis' marks, `.` and `-` are for debugging, `*` is a notice, `#` a warning. */
const REDIS: Readonly<Record<string, Level>> = { '.': 'debug', '-': 'debug', '*': 'info', '#': 'warn' };

/** `LOG:` of PostgreSQL, `[WARNING]` of HAProxy, `INFO:` of Patroni. */
function levelOfText(text: string): Level {
  const [, mark] = /^\d+:[CMSX] .*?:\d\d\.\d{3} ([.*#-]) /.exec(text) ?? [];
  if (mark) return REDIS[mark] as Level;
  for (const [, bracketed, named] of text.slice(0, 120).matchAll(/\[(\w+)\]|\b([A-Z]{3,9})\d?: /g)) {
    const level = WORDS[(bracketed ?? named ?? '').toLowerCase()];
    if (level) return level;
  }
  return 'info';
}
