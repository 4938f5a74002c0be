/** One line of a picture: what tells it from the others, and its points. */
export interface Series {
  labels: Readonly<Record<string, string>>;
  points: readonly Point[];
}

/** Seconds since 1970, and the value. */
export type Point = readonly [time: number, value: number];

/** From when to when, and how far its points are apart; all in seconds. */
export interface Span {
  start: number;
  end: number;
  step: number;
}

/** What one query is asked for: its value now, or over a span. */
export interface Ask {
  query: string;
  /** Only its value at the end of the span. */
  instant?: true;
  span: Span;
}

/** What could be read, or a sentence that says why not. */
export type Known<T> = { value: T } | { missing: string };

export const isKnown = <T>(known: Known<T>): known is { value: T } => 'value' in known;

/** So many points are more than a picture of a page shows. */
const POINTS = 120;

/** The last seconds before now. @param least seconds between two scrapes: nothing is known between them */
export function spanOf(now: Date, seconds: number, least: number): Span {
  const step = Math.max(least, Math.ceil(seconds / POINTS));
  const end = Math.floor(now.getTime() / 1000 / least) * least;
  return { start: end - Math.ceil(seconds / step) * step, end, step };
}

/** The path of Prometheus's API that answers it. */
export function pathOf({ query, instant, span }: Ask): string {
  const { start, end, step } = span;
  const asked = instant ? { query, time: String(end) } : { query, start: String(start), end: String(end), step: String(step) };
  return `/api/v1/query${instant ? '' : '_range'}?${new URLSearchParams({ ...asked, timeout: '15s' })}`;
}

/** Between two answers; no answer contains a line break. */
const RULE = '--medianest--';

/** Asks for each path, on a connection of its own: one process for all of them, and none in Prometheus’s image that knows HTTP. */
export const ASKING = [
  'export LC_ALL=C',
  'host="${HEALTH_URL%%/*}"',
  'for path in "$@"; do',
  '  exec 3<>"/dev/tcp/${host%:*}/${host##*:}" || exit 1',
  '  printf "GET %s HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n" "$path" "$host" >&3 && cat <&3',
  '  exec 3>&-',
  `  printf "\\n${RULE}\\n"`,
  'done',
].join('\n');

/** The bodies, in the order of what was asked. @throws Error where an answer was cut short */
export function bodiesOf(output: string, asked: number): string[] {
  const parts = output.split(`\n${RULE}\n`).slice(0, -1);
  if (parts.length !== asked) throw new Error(`it answers ${parts.length} of ${asked} questions`);
  return parts.map((part) => part.slice(part.indexOf('\r\n\r\n') + 4));
}

/** The `data` of one answer. @throws Error with Prometheus’s own words where it refuses */
export function dataOf<T>(body: string): T {
  const answer = parsed(body);
  if (answer?.status !== 'success') throw new Error(answer?.error ?? 'it answers something else than Prometheus does');
  return answer.data as T;
}

/** The answers, in the order of what was asked. @throws Error as `bodiesOf` and `dataOf` */
export const answersOf = (output: string, asked: readonly Ask[]): Series[][] => bodiesOf(output, asked.length).map(seriesOf);

/** @throws Error as `dataOf` */
export const seriesOf = (body: string): Series[] =>
  dataOf<{ result: Result[] }>(body).result.map(({ metric, values, value }) => ({
    labels: metric,
    points: (values ?? (value ? [value] : []))
      .map(([time, text]): Point => [time, Number(text)])
      .filter(([, number]) => !Number.isNaN(number)),
  }));

interface Result {
  metric: Record<string, string>;
  values?: [number, string][];
  value?: [number, string];
}

interface Answer {
  status: string;
  error?: string;
  data: unknown;
}

function parsed(body: string): Answer | undefined {
  try {
    return JSON.parse(body) as Answer;
  } catch {
    return undefined;
  }
}
