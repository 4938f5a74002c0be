import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';

/** Here the other project of the host is the subject. */
const TWO_PROJECTS = 'front/e2e/two-projects.alone.test.ts';

it('a suite that uninstalls a project leaves the images, which every other suite starts containers from', () => {
  const root = path.join(HOME, 'test');
  const uninstalls = (readdirSync(root, { recursive: true }) as string[])
    .filter((file) => /\/(contract|cli|e2e|deep|journey|browser)\/.*\.test\.ts$/.test(file))
    .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))
    .filter(({ text }) => /'uninstall',[^\n]*'--confirm'/.test(text));
  expect(uninstalls.map(({ file }) => file)).toContain('reconcile/e2e/uninstall.test.ts');
  const alone = uninstalls.filter(({ text }) => !text.includes('.besideAnother()'));
  expect(alone.map(({ file }) => file)).toEqual([TWO_PROJECTS]);
});
