import { LEVELS, type Level, type LogLine } from './log-line.ts';

/** A line as the agent keeps it (src/agent/logs/plan/document.ts), as far as it is shown. */
interface StoredDocument {
  '@timestamp': string;
  replica: string;
  level: string;
  message: string;
  fields?: Record<string, unknown>;
}

/** A line that was kept, in the form of those that the engine has; undefined for what is none. */
export function storedLine(text: string): LogLine | undefined {
  try {
    const { '@timestamp': time, replica, level, message, fields } = JSON.parse(text) as StoredDocument;
    const known = LEVELS.find((entry) => entry === level) as Level | undefined;
    if (typeof time !== 'string' || typeof replica !== 'string' || typeof message !== 'string') return undefined;
    return { service: replica, time, level: known ?? 'info', message, ...(fields && { fields }) };
  } catch {
    return undefined;
  }
}

/**
 * Tells the lines that the engine has from those that were kept already. Lines of one service are kept in their order, so all up to
 * the newest kept moment are there.
 */
export class Kept {
  private readonly newest = new Map<string, { time: string; lines: number }>();

  note({ service, time }: LogLine): void {
    const known = this.newest.get(service);
    if (!known || time > known.time) this.newest.set(service, { time, lines: 1 });
    else if (time === known.time) known.lines++;
  }

  /** Whether a line of the engine was among the kept ones. To be asked in the order of the engine. */
  has({ service, time }: LogLine): boolean {
    const known = this.newest.get(service);
    if (!known || time > known.time) return false;
    if (time < known.time) return true;
    known.lines--;
    return known.lines >= 0;
  }
}
