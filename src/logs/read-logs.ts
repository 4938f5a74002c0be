import type { Context, Project } from '../capability/capability.ts';
import { EXIT, UserError } from '../core/errors.ts';
import { composeArgs } from '../docker/compose.ts';
import { composeFiles } from '../reconcile/compose-project.ts';
import { isWanted, type LogLine, logLine, type Wanted } from './plan/log-line.ts';
import { Kept } from './plan/stored.ts';
import { readStore } from './read-store.ts';

export interface Asked extends Wanted {
  services: readonly string[];
  follow: boolean;
  /** Of each service, the last lines that are wanted; while lines are followed, the last that were written. */
  tail: number | undefined;
  since: Date | undefined;
}

/**
 * Hands over each line that is wanted. A moment or an id asks for lines that the engine may have no more: those that were kept come
 * first, and then what the engine has beyond them.
 * @returns the exit status: 130 where Ctrl-C ended it
 */
export async function readLogs(context: Context, project: Project, asked: Asked, show: (line: LogLine) => void): Promise<number> {
  const { loaded, state } = project;
  const docker = await context.docker();
  const filtered = asked.level !== undefined || asked.pattern !== undefined || asked.correlation !== undefined;
  const last = asked.follow || asked.tail === undefined ? undefined : lastOf(asked.tail);
  const given = [
    ...(asked.follow ? ['--follow'] : []),
    ...(asked.tail !== undefined && (asked.follow || !filtered) ? ['--tail', String(asked.tail)] : []),
    ...(asked.since ? ['--since', asked.since.toISOString()] : []),
  ];
  const args = ['logs', '--no-color', '--timestamps', ...given, '--', ...asked.services];
  const kept = new Kept();
  const onLine = (raw: string) => {
    const line = logLine(raw);
    if (!line) context.report.verbose(raw);
    else if (!kept.has(line) && isWanted(line, asked)) (last?.add ?? show)(line);
  };
  try {
    if (asked.since || asked.correlation !== undefined)
      await readStore(context, project, asked, (line) => {
        kept.note(line);
        if (isWanted(line, asked)) (last?.add ?? show)(line);
      });
    const { exitCode, tail } = await docker.run(composeArgs(loaded.settings.project, state.root, composeFiles(state), ...args), {
      signal: context.signal,
      unbuffered: true,
      foreground: true,
      onLine,
    });
    if (exitCode !== 0) {
      const why = tail.at(-1)?.trim() ?? 'no answer';
      throw new UserError('ENGINE_FAILED', `the logs cannot be read: ${why}`, 'medianest status shows what runs');
    }
  } catch (error) {
    if (error instanceof UserError && error.code === 'INTERRUPTED') return EXIT.interrupted;
    throw error;
  }
  for (const line of last?.lines() ?? []) show(line);
  return EXIT.done;
}

/** Keeps the last lines of each service, and gives them in the order of time. */
function lastOf(count: number): { add(line: LogLine): void; lines(): LogLine[] } {
  const kept = new Map<string, LogLine[]>();
  return {
    add: (line) => {
      const own = kept.get(line.service) ?? [];
      kept.set(line.service, own);
      own.push(line);
      if (own.length > count) own.shift();
    },
    lines: () => [...kept.values()].flat().sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0)),
  };
}
