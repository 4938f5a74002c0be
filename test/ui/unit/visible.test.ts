import { expect, test } from 'vitest';
import { painter } from '../../../src/ui/paint.ts';
import { plainReporter } from '../../../src/ui/plain.ts';
import { visible, visibleJson, visibleReporter } from '../../../src/ui/visible.ts';

const HOSTILE = '\u001b]0;title\u0007\u001b[2J\u009b2J\u001bc\rover\u0008\u007f\u0000\u202egnp';
const SHOWN = String.raw`\u001b]0;title\u0007\u001b[2J\u009b2J\u001bc\u000dover\u0008\u007f\u0000\u202egnp`;

test('what others have written moves no cursor, changes no title, and is shown as it is', () => {
  expect(visible(HOSTILE)).toBe(SHOWN);
  expect(visible('a\u001b[35;1mb\u001b[38:2::1:2:3mc\u001b[md')).toBe('abcd');
  expect(visible('one\r\n\ttwo · ä 🎬\n')).toBe('one\r\n\ttwo · ä 🎬\n');
});

test('our own colours pass, and in the lines of others not even those', () => {
  for (const tone of ['ok', 'warn', 'fail', 'soft', 'strong'] as const) {
    const painted = painter(true)(tone, 'x');
    expect(visible(painted)).toBe(painted);
    expect(visible(painted, false)).toBe('x');
  }
});

test('a document says the same to a program', () => {
  const text = visibleJson({ name: HOSTILE }, 2);
  expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  expect(JSON.parse(text)).toEqual({ name: HOSTILE });
});

test('progress shows it likewise', () => {
  const lines: string[] = [];
  const report = visibleReporter(plainReporter((text) => lines.push(text), { verbose: true, now: () => 0, color: true }));
  report.note(HOSTILE);
  report.warn(HOSTILE);
  report.verbose(HOSTILE);
  const task = report.task(HOSTILE);
  task.detail(HOSTILE);
  task.done(HOSTILE);
  task.failed();
  expect(lines.join('').replaceAll('\u001b[33mWarning:\u001b[0m', '').replaceAll('\u001b[31mfailed\u001b[0m', '')).not.toContain('\u001b');
  expect(lines.join('').split(SHOWN)).toHaveLength(9);
});
