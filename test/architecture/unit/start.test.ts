import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';

/** What a file loads at once: neither types nor lazy imports. */
function loads(file: string): string[] {
  const text = readFileSync(path.join(HOME, 'src', file), 'utf8');
  const found = [...text.matchAll(/^(?:import|export)\s+(?!type\b)(?:[^;']*?\bfrom\s+)?'([^']+)'/gm)];
  return found.map(([, to = '']) => (to.startsWith('.') ? path.posix.join(path.posix.dirname(file), to) : to));
}

it('help and a wrong line load commander alone, neither the schema of the settings nor the engine: they take as long as a word', () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const open = ['cli/program.ts'];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const to of loads(file)) {
      if (to.endsWith('.ts')) open.push(to);
      else if (!to.startsWith('node:')) packages.add(`${to} in ${file}`);
    }
  }
  expect(seen.size).toBeGreaterThan(80);
  expect([...packages]).toEqual(['commander in cli/program.ts']);
});
