import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { HARDENED } from '../docker/hardened.ts';
import { mountArgs } from '../docker/mount-args.ts';
import { LOGS_FOLDER, LOGS_VOLUME, storeNow } from '../services/agent/log-egress.ts';
import { volumeName } from '../stack/labels.ts';
import { holderOf } from './holder.ts';
import type { LogLine } from './plan/log-line.ts';
import { storedLine } from './plan/stored.ts';

export interface AskedOfStore {
  services: readonly string[];
  since: Date | undefined;
  correlation?: string | undefined;
}

/** How the agent's program names a file that it cannot read (src/agent/logs/print.ts). */
const UNREADABLE = 'cannot be read: ';

/**
 * Hands over the lines that the agent has kept as files, those of replaced containers too, by a container of its own: it works
 * while the agent is away, and takes none of its memory.
 * @returns whether there is such a store
 * @throws UserError where it is there and cannot be read
 */
export async function readStore(
  context: Context,
  { loaded, state }: Project,
  asked: AskedOfStore,
  show: (line: LogLine) => void,
): Promise<boolean> {
  const { project } = loaded.settings;
  if (storeNow(loaded.settings, state.manifest()?.leftOut) !== 'files') return false;
  const [docker, engine] = [await context.docker(), await context.engine()];
  const holder = holderOf(await engine.observe(project), project);
  if (!holder) return false;
  const words = [
    ...(asked.since ? ['--since', asked.since.toISOString()] : []),
    ...(asked.services.length > 0 ? ['--services', asked.services.join(',')] : []),
    ...(asked.correlation === undefined ? [] : ['--containing', asked.correlation]),
  ];
  const { exitCode, tail } = await docker.run(
    [
      ...['run', '--rm', '--init', '--network', 'none', '--pull', 'never', '--log-driver', 'none', '--memory', '512m', ...HARDENED],
      ...mountArgs(['type=volume', `source=${volumeName(project, LOGS_VOLUME)}`, `target=${LOGS_FOLDER}`, 'readonly', 'volume-nocopy']),
      ...['--entrypoint', 'agent', holder.image, 'logs', ...words],
    ],
    {
      signal: context.signal,
      unbuffered: true,
      streamsApart: true,
      onLine: (text) => {
        const line = storedLine(text);
        if (line) show(line);
        else if (text.startsWith(UNREADABLE)) context.report.warn(`some stored lines are missing: ${text}`);
        else context.report.verbose(text);
      },
    },
  );
  if (exitCode === 0) return true;
  throw new UserError(
    'ENGINE_FAILED',
    `the stored logs cannot be read: ${tail.at(-1)?.trim() || 'no answer'}`,
    'medianest logs without --since and --correlation shows what the engine has',
  );
}
