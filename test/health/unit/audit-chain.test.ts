import { appendFileSync, chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditChecks } from '../../../src/health/audit-chain.ts';
import { appendAudit } from '../../../src/state/audit.ts';
import { unprivileged } from '../../support/command.ts';

describe('what health says of the audit log', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'medianest-audit-'));
  const file = path.join(folder, 'audit.jsonl');

  it('is that it is well, that it is not, and that it cannot be told', () => {
    const entry = { time: '2026-11-30T00:00:00.000Z', user: 'op', plan: 'p', result: 'done', seconds: 1 } as const;
    appendAudit(file, { ...entry, command: 'a' });
    expect(auditChecks(file)).toMatchObject([{ id: 'audit', status: 'ok', value: 1 }]);
    appendFileSync(file, `${JSON.stringify({ ...entry, command: 'b' })}\n`);
    expect(auditChecks(file)).toMatchObject([{ status: 'fail', message: expect.stringContaining('line 2') }]);
    // The other checks of health are for this user all the same.
    writeFileSync(file, '');
    chmodSync(folder, 0o755);
    chmodSync(file, 0o600);
    expect(unprivileged(() => auditChecks(file))).toMatchObject([
      { id: 'audit', status: 'warn', message: expect.stringContaining('cannot be told'), remedy: 'run medianest as root' },
    ]);
  });
});
