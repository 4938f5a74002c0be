import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { POINTS } from '../../src/compliance/plan/points.ts';
import { HOME } from '../support/cli.ts';
import { POINTS_HEADING, pointsPart } from '../support/compliance-document.ts';

const FILE = path.join(HOME, 'docs/compliance.md');

it('docs/compliance.md lists the points that are judged', async () => {
  const [said = ''] = readFileSync(FILE, 'utf8').split(`${POINTS_HEADING}\n`);
  expect(said).toContain('medianest audit report');
  await expect(`${said}${pointsPart(POINTS)}`).toMatchFileSnapshot(FILE);
});
