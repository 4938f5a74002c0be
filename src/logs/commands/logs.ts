import { type Command, type Context, done, type Options } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { numberOf, textOf } from '../../core/flags.ts';
import { didYouMean } from '../../core/suggest.ts';
import { sinceOf } from '../../core/time.ts';
import type { Loaded } from '../../settings/loaded.ts';
import type { Paint, Tone } from '../../ui/paint.ts';
import { columns, LEVELS, type Level, type LogLine } from '../plan/log-line.ts';

export const logs: Command = {
  name: 'logs',
  section: 'Look',
  summary: 'What services have written; with --json an object a line',
  example: 'medianest logs --follow --level warn app',
  args: '[services...]',
  options: [
    ['-f, --follow', 'Keep printing new lines until Ctrl-C'],
    ['-n, --tail <lines>', 'Only the last lines of each (with --follow: the last that were written)'],
    [
      '--since <time>',
      'Only lines since a moment with its time zone, or for so long: 10m, "2 hours ago"; also lines that the agent has kept (logs.store)',
    ],
    ['--correlation <id>', 'Only lines of the request with this id (X-Request-Id), or of the trace with it'],
    ['--grep <pattern>', 'Only lines that match a regular expression'],
    ['--level <debug|info|warn|error>', 'Only this level and above; debug shows health checks too'],
  ],
  run: async (context, args, options) => {
    const { expandServices, open, requireManifest } = await import('../../project/open.ts');
    const { readLogs } = await import('../read-logs.ts');
    const { painter } = await import('../../ui/paint.ts');
    const { visible, visibleJson } = await import('../../ui/visible.ts');
    const paint = painter(context.color);
    const asked = wanted(context, options);
    const project = await open(context);
    const services = expandServices(requireManifest(project.state), args);
    const show = (line: LogLine) => context.print(context.flags.json ? visibleJson(line) : written(line, paint, visible));
    return done(undefined, '', await readLogs(context, project, { ...asked, services, probes: probesOf(project.loaded) }, show));
  },
};

function wanted(context: Context, options: Options) {
  return {
    follow: options.follow === true,
    tail: numberOf('--tail', options.tail, { least: 0, should: 'a number of lines', example: 100 }),
    since: options.since === undefined ? undefined : sinceOf('--since', String(options.since), context.clock.now()),
    correlation: textOf(options.correlation),
    pattern: patternOf(textOf(options.grep)),
    level: levelOf(textOf(options.level)),
  };
}

function patternOf(text: string | undefined): RegExp | undefined {
  try {
    return text === undefined ? undefined : new RegExp(text);
  } catch (error) {
    throw new UserError(
      'USAGE',
      `--grep ${text}: is no regular expression: ${(error as Error).message}`,
      'put a \\ before what is meant as it stands',
    );
  }
}

function levelOf(text: string | undefined): Level | undefined {
  const level = LEVELS.find((known) => known === text);
  if (text === undefined || level) return level;
  throw new UserError('USAGE', `--level ${text}: is no level; ${didYouMean(text, LEVELS)}`, `one of ${LEVELS.join(', ')}`);
}

/** What the container’s health check and the balancer ask the application for. */
function probesOf({ settings }: Loaded): string[] {
  const processes = [settings.app ?? {}, ...Object.values(settings.services ?? {})] as { healthPath?: string; readyPath?: string }[];
  return [...new Set(processes.flatMap(({ healthPath, readyPath }) => [healthPath, readyPath]).filter((path) => path !== undefined))];
}

const TONES: Readonly<Record<Level, Tone | undefined>> = { debug: 'soft', info: undefined, warn: 'warn', error: 'fail' };

function written(line: LogLine, paint: Paint, visible: (text: string, colors: boolean) => string): string {
  const { time, service, level, ...said } = columns(line);
  const [text, rest] = [visible(said.text, false), visible(said.rest, false)];
  const tone = TONES[line.level];
  const start = `${paint('soft', time)}  ${service}  ${tone ? paint(tone, level) : level}  ${text}`;
  return rest ? `${start}  ${paint('soft', rest)}` : start;
}
