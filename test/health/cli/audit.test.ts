import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

it('`audit accept` begins another log with the reason, keeps the old one, and health is content again', async () => {
  const own = folder('edge: { connections: 64 }\n');
  const at = (name: string) => path.join(own.dir, '.medianest', name);
  expect((await own.run(['config', 'migrate'])).status).toBe(0);
  const sound = await own.run(['audit', 'accept', '--reason', 'none', '--yes']);
  expect([sound.status, sound.stdout]).toEqual([0, expect.stringContaining('nothing to accept')]);

  const changed = readFileSync(at('audit.jsonl'), 'utf8').replace('config migrate', 'config nothing');
  writeFileSync(at('audit.jsonl'), changed);
  expect((await own.run(['audit', 'accept'])).status).toBe(2);
  const dry = await own.run(['audit', 'accept', '--reason', 'an image of last week', '--dry-run']);
  expect([dry.status, dry.stdout]).toEqual([0, expect.stringContaining('would keep it')]);
  const refused = await own.run(['audit', 'accept', '--reason', 'an image of last week']);
  expect([refused.status, refused.stderr]).toEqual([2, expect.stringContaining('nothing was changed')]);
  expect(readFileSync(at('audit.jsonl'), 'utf8')).toBe(changed);

  const accepted = await own.run(['audit', 'accept', '--reason', 'an image of last week', '--yes', '--json']);
  const { kept } = JSON.parse(accepted.stdout) as { kept: string };
  expect([accepted.status, readFileSync(kept, 'utf8')]).toEqual([0, changed]);
  const verified = await own.run(['audit', 'verify', '--json']);
  expect([verified.status, JSON.parse(verified.stdout)]).toMatchObject([0, { valid: true, entries: 1 }]);
  expect((await own.run(['audit'])).stdout).toMatch(
    /medianest audit accept \(an image of last week; the log before is kept as .*SHA-256 [0-9a-f]{64}\)/,
  );
  expect(readdirSync(at('audit-accepted')).length).toBe(2);
});
