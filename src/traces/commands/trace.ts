import { type Command, done } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { sinceOf } from '../../core/time.ts';
import { columns, type LogLine } from '../../logs/plan/log-line.ts';
import { hasFull } from '../../services/shared/full.ts';
import type { Settings } from '../../settings/schema.ts';
import { inOrder, isOfTrace, isTraceId, traceUrl } from '../plan/trace.ts';

export const trace: Command = {
  name: 'trace',
  section: 'Look',
  summary: 'What all services have logged for one trace, and where it is drawn',
  example: 'medianest trace 4bf92f3577b34da6a3ce929d0e0e4736',
  args: '<id>',
  options: [['--since <time>', 'Look at lines since a moment with its time zone, or for so long: 10m, "2 hours ago" (default: 24h)']],
  run: async (context, [given = ''], options) => {
    const id = given.toLowerCase();
    if (!isTraceId(id)) {
      throw new UserError(
        'USAGE',
        `${given}: is no id of a trace: 32 hex digits`,
        'it is the field `traceId` of a line of `medianest logs --json`',
      );
    }
    const { expandServices, open, requireManifest } = await import('../../project/open.ts');
    const { readLogs } = await import('../../logs/read-logs.ts');
    const since = sinceOf('--since', String(options.since ?? '24h'), context.clock.now());
    const project = await open(context);
    const services = expandServices(requireManifest(project.state), []);
    const asked = {
      services,
      follow: false,
      tail: undefined,
      since,
      level: 'debug',
      correlation: id,
      pattern: undefined,
      probes: [],
    } as const;
    const found: LogLine[] = [];
    const status = await readLogs(context, project, asked, (line) => {
      if (isOfTrace(line, id)) found.push(line);
    });
    const lines = inOrder(found);
    const url = traceUrl(project.loaded.settings.traces.url, id);
    if (lines.length === 0 && status === EXIT.done) {
      const none = `no service has logged trace ${id} since ${since.toISOString()}: ${hint(project.loaded.settings)}`;
      return done({ trace: id, ...(url && { url }), lines }, none, EXIT.failed);
    }
    const written = lines.map((line) => {
      const { time, service, level, text, rest } = columns(line);
      return [time, service, level, text, rest].filter(Boolean).join('  ');
    });
    return done({ trace: id, ...(url && { url }), lines }, [...written, ...(url ? [url] : [])].join('\n'), status);
  },
};

const hint = (settings: Settings): string =>
  settings.traces.endpoint === undefined && !hasFull({ settings }, 'jaeger')
    ? 'requests have traces once `traces.endpoint` is set, or with `observability: full`'
    : 'give an earlier moment by --since';
