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
  /** Paths that health checks ask for. */
  probes: readonly string[];
}

/** `app-1-1  | 2026-11-25T10:00:00.123456789Z text`, as `docker compose logs --timestamps` prints it. */
const COMPOSE = /^(\S+)-\d+ +\| (\d{4}-\d\d-\d\dT[\d:.]+Z) ?(.*)$/;

/** A line as Compose prints it; undefined for what Compose itself has to say. */
export function logLine(raw: string): LogLine | undefined {
  const [, service, time, text = ''] = COMPOSE.exec(raw) ?? [];
  if (service === undefined || time === undefined) return undefined;
  const fields = fieldsOf(text);
  if (!fields) return { service, time, level: levelOfText(text), message: text };
  return { service, time, level: levelOfFields(fields), message: messageOf(fields) ?? text, fields };
}

export function isWanted(line: LogLine, { level, pattern, probes }: Wanted): boolean {
  const weight = isProbe(line, probes) ? 0 : LEVELS.indexOf(line.level);
  const least = level === undefined ? (isProbe(line, probes) ? 1 : 0) : LEVELS.indexOf(level);
  return weight >= least && (pattern === undefined || pattern.test(plain(line)));
}

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

function fieldsOf(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
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
