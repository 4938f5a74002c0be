import type { Reporter } from '../core/reporter.ts';
import { PAINTED } from './paint.ts';

// Containers, images, log lines and users have the names and words that others gave them. In a terminal, a control character in them moves
// the cursor, changes the title, or hides what is told; a mark of direction has letters read in another order.

const CONTROL = String.raw`(?!\r\n)[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]`;
const ESCAPE = new RegExp(String.raw`${PAINTED.source}|\u001b\[[\d;:]*m|${CONTROL}`, 'gu');
const OWN = new RegExp(`^${PAINTED.source}$`);
const UNESCAPED = new RegExp(CONTROL, 'gu');

const code = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * A text for a terminal: of control characters, line ends, tabs and our own colours pass; other colours go, and all else is shown as `\u001b`.
 * @param colors false for what is not ours
 */
export const visible = (text: string, colors = true): string =>
  text.replace(ESCAPE, (found) => (colors && OWN.test(found) ? found : found.length > 1 ? '' : code(found)));

/** A document for a terminal or a program, which reads the same from it: JSON leaves some control characters as they are. */
export const visibleJson = (value: unknown, indent?: number): string => JSON.stringify(value, null, indent).replace(UNESCAPED, code);

/** A reporter that is told what others have written. */
export const visibleReporter = (report: Reporter): Reporter => ({
  task: (title) => {
    const task = report.task(visible(title));
    return {
      detail: (text) => task.detail(visible(text)),
      done: (note) => task.done(note === undefined ? note : visible(note)),
      failed: () => task.failed(),
    };
  },
  note: (text) => report.note(visible(text)),
  warn: (text) => report.warn(visible(text)),
  verbose: (text) => report.verbose(visible(text)),
});
