import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ALERT_CAUSES } from '../../../src/services/shared/alert-causes.ts';
import { HOME } from '../../support/cli.ts';

interface Rules {
  groups: { rules: { alert?: string; labels?: { cause?: string } }[] }[];
}

const read = (file: string) => readFileSync(path.join(HOME, file), 'utf8');
const rules = readdirSync(path.join(HOME, 'templates'))
  .map((name) => `templates/${name}/rules.yml`)
  .filter((file) => existsSync(path.join(HOME, file)))
  .flatMap((file) => (parse(read(file)) as Rules).groups.flatMap((group) => group.rules))
  .filter((rule) => rule.alert);
const rows = read('test/alerts/README.md')
  .split('\n')
  .filter((line) => /^\| [A-Z]/.test(line))
  .map((line) => line.slice(2, -2).split(' | '));
const provoked = rows.filter((cells) => cells.length === 3) as [alert: string, fault: string, test: string][];

describe('every alert', () => {
  it('is told in one line of test/alerts/README.md', () => {
    expect(rows.map(([alert]) => alert).sort()).toEqual(rules.map(({ alert }) => alert).sort());
    for (const [alert, ...cells] of rows) expect([alert, cells.every((cell) => cell.trim() !== '')]).toEqual([alert, true]);
  });

  it.each(provoked)('%s is provoked by what is said to do so', (alert, _fault, test) => {
    expect(existsSync(path.join(HOME, test)), test).toBe(true);
    expect(read(test)).toMatch(new RegExp(`\\b${alert}\\b`));
  });

  it('has a cause that is explained to who is told', () => {
    expect([...new Set(rules.map(({ labels }) => labels?.cause ?? ''))].filter((cause) => !ALERT_CAUSES[cause])).toEqual([]);
  });
});
