import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { HostLogs } from '../../../src/bans/enforce/host-logs.ts';
import type { Context } from '../../../src/capability/capability.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const before = process.env.PATH;
afterEach(() => {
  process.env.PATH = before;
});

/** A journal that this script reads in place of journalctl. */
function reading(script: string) {
  const dir = temporaryFolder('host-logs');
  mkdirSync(path.join(dir, 'bin'));
  writeFileSync(path.join(dir, 'bin/journalctl'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  writeFileSync(path.join(dir, 'socket'), '');
  process.env.PATH = `${dir}/bin:${before}`;
  const context = { clock: { now: () => new Date() }, signal: new AbortController().signal } as unknown as Context;
  return new HostLogs(context, path.join(dir, 'socket'));
}

it('A journal that cannot be read is told, and not taken for one without failed sign-ins', async () => {
  const logs = reading('echo "No journal files were opened due to insufficient permissions." >&2; exit 1');
  const problem = async () => {
    await logs.round('media', true);
    return logs.problem;
  };
  await expect.poll(problem, { timeout: 5000 }).toBe('journalctl has ended: No journal files were opened due to insufficient permissions.');
  logs.end();
});

it('A journal that is read has no problem, also while nothing is in it', async () => {
  const logs = reading('exec sleep 60');
  for (let nth = 0; nth < 3; nth++) {
    await logs.round('media', true);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  expect(logs.problem).toBe('');
  logs.end();
});
