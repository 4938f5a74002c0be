import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { folder } from '../../support/command.ts';

it('the audit log is a chain that `audit verify` checks, and a changed line ends it with 5', async () => {
  const own = folder('edge: { connections: 64 }\n');
  const nothing = await own.run(['audit', 'verify']);
  expect([nothing.status, nothing.stdout]).toEqual([0, expect.stringContaining('nothing to verify yet')]);
  expect((await own.run(['config', 'migrate'])).status).toBe(0);

  const good = await own.run(['audit', 'verify', '--json']);
  const { head } = JSON.parse(good.stdout);
  expect([good.status, JSON.parse(good.stdout)]).toMatchObject([0, { valid: true, entries: 1, problems: [] }]);
  expect((await own.run(['audit', 'verify', '--head', head])).status).toBe(0);
  expect((await own.run(['audit', 'verify', '--head', 'f'.repeat(64)])).status).toBe(5);
  const wrong = await own.run(['audit', 'verify', '--head', 'F00']);
  expect([wrong.status, wrong.stderr]).toEqual([2, expect.stringContaining('64 hexadecimal digits')]);

  const file = path.join(own.dir, '.medianest/audit.jsonl');
  writeFileSync(file, readFileSync(file, 'utf8').replace('config migrate', 'config nothing'));
  const changed = await own.run(['audit', 'verify']);
  expect([changed.status, changed.stdout]).toEqual([5, expect.stringMatching(/not what was written\nline 1: /)]);
});
