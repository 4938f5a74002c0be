import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
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

it('Without a journal and a log at first, what comes later is read', async () => {
  const dir = temporaryFolder('host-logs');
  const context = { clock: { now: () => new Date() }, signal: new AbortController().signal } as unknown as Context;
  const file = path.join(dir, 'auth.log');
  const logs = new HostLogs(context, path.join(dir, 'socket'), [file]);
  await logs.round('media', true);
  expect(logs.problem).toBe(`there is neither a journal nor ${file}`);
  writeFileSync(file, '');
  await logs.round('media', true);
  expect(logs.problem).toBe('');
  logs.end();
});

const failed = (nth: number) => `Nov 30 10:00:00 host sshd[8]: Failed password for root from 198.18.${nth >> 8}.${nth & 255} port 4 ssh2\n`;

/** Reads a file, and tells CrowdSec by an engine that answers so. */
function telling(answer: () => Promise<{ exitCode: number; output: string }>) {
  const file = path.join(temporaryFolder('host-logs'), 'auth.log');
  writeFileSync(file, '');
  const told: string[][] = [];
  const engine = {
    observe: async () => [{ id: '1', service: 'crowdsec', state: 'running' }],
    exec: async (_id: string, [, ...lines]: string[]) => {
      told.push(lines);
      return answer();
    },
  };
  const context = {
    ...{ clock: { now: () => new Date() }, signal: new AbortController().signal },
    engine: async () => engine,
  } as unknown as Context;
  return { file, told, logs: new HostLogs(context, undefined, undefined, 100) };
}

it('A file that other settings still name is read on from where it was', async () => {
  const { file, told, logs } = telling(async () => ({ exitCode: 0, output: '' }));
  await logs.round('media', [file]);
  appendFileSync(file, failed(1));
  await logs.round('media', [file, `${file}.other`]);
  expect(told.map((lines) => lines.length)).toEqual([1]);
  expect(logs.problem).toBe(`${file}.other cannot be read (ENOENT)`);
  logs.end();
});

it('A burst of 100,000 lines is read within a few rounds, and what is left out is told', async () => {
  const { file, told, logs } = telling(async () => ({ exitCode: 0, output: '' }));
  await logs.round('media', [file]);
  appendFileSync(file, Array.from({ length: 100_000 }, (_, nth) => failed(nth % 4000)).join(''));
  await logs.round('media', [file]);
  expect(logs.problem).toMatch(/^\d+ failed sign-ins were left out: too many wait for CrowdSec$/);
  for (let round = 0; round < 9; round++) await logs.round('media', [file]);
  expect(logs.problem).toBe('');
  // All of its clients that had a place, and none of their lines twice at once.
  expect(new Set(told.flat().map((line) => JSON.parse(line).client)).size).toBeGreaterThanOrEqual(2000);
  logs.end();
});

it('While the engine has not answered, nothing is sent again, and it is told', async () => {
  const answers: ((value: { exitCode: number; output: string }) => void)[] = [];
  const { file, told, logs } = telling(() => new Promise((resolve) => answers.push(resolve)));
  await logs.round('media', [file]);
  appendFileSync(file, failed(1));
  await logs.round('media', [file]);
  expect([told.length, logs.problem]).toEqual([1, '1 failed sign-ins wait for CrowdSec: the engine does not answer within 0.1 s']);
  appendFileSync(file, failed(2));
  await logs.round('media', [file]);
  expect([told.length, logs.problem]).toEqual([1, '2 failed sign-ins wait for CrowdSec: the engine has not answered yet']);
  answers[0]?.({ exitCode: 0, output: '' });
  await new Promise(setImmediate);
  const second = logs.round('media', [file]);
  await vi.waitFor(() => expect(told).toHaveLength(2));
  answers[1]?.({ exitCode: 0, output: '' });
  await second;
  expect([told[1]?.length, logs.problem]).toEqual([1, '']);
  logs.end();
});
