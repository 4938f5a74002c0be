import { statSync, truncateSync } from 'node:fs';
import { expect, it } from 'vitest';
import { noteSessions } from '../../../src/bastion/note-sessions.ts';
import type { Context, Project } from '../../../src/capability/capability.ts';
import type { ContainerStory, ObservedContainer } from '../../../src/docker/types.ts';
import { acceptAudit, appendAudit, readAudit, verifyAudit } from '../../../src/state/audit.ts';
import { StateFolder } from '../../../src/state/state.ts';
import { load } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const JOURNAL = [
  'auth.c:auth_log():296 (bin=sshd-session, pid=126): Accepted keyboard-interactive/pam for alice from 10.0.0.7 port 54544 ssh2',
  'debug1: session.c:do_cleanup():2640 (bin=sshd-session, pid=126): do_cleanup',
].map((text, index) => `12cae51b01f6.${index + 1}\t2026-11-30T11:45:0${index}Z\t${text}\n`);

/** What the engine answers of the bastion's container. */
function world(container: { state: string; exitCode?: number } | undefined, journal = JOURNAL) {
  const state = new StateFolder(temporaryFolder('sessions'));
  const edge = { service: 'edge', state: 'running' };
  const engine = {
    observe: async () => (container ? [edge, { id: 'b', service: 'bastion', ...container } as ObservedContainer] : [edge]),
    story: async () => ({ exitCode: container?.exitCode ?? 0 }) as ContainerStory,
    exec: async () => ({ exitCode: 0, output: journal.join('') }),
  };
  const context = { engine: async () => engine, signal: new AbortController().signal } as unknown as Context;
  const project: Project = { loaded: load(), state };
  return { file: state.at('audit.jsonl'), note: () => noteSessions(context, project) };
}

it('sessions are noted once, also after a log that was not what was written was put aside', async () => {
  const { file, note } = world({ state: 'running' });
  expect(await note()).toBe(2);
  expect(await note()).toBe(0);
  expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 2 });
  // A crash cuts the end off, which belongs to another command.
  const entry = { time: '2026-11-30T11:50:00.000Z', user: 'op', command: 'medianest up', plan: 'x', result: 'done' as const, seconds: 1 };
  appendAudit(file, entry);
  truncateSync(file, statSync(file).size - 20);
  expect(
    acceptAudit(file, { time: '2026-11-30T12:00:00.000Z', user: 'op', command: 'audit accept', reason: 'the disk was full' }),
  ).toBeDefined();
  expect(await note()).toBe(0);
  expect(readAudit(file)).toHaveLength(1);
});

it('ten thousand sessions are noted in one write', async () => {
  const many = Array.from(
    { length: 10_000 },
    (_, index) =>
      `12cae51b01f6.${index}\t2026-11-30T11:45:00Z\tauth.c:auth_log():296 (bin=sshd-session, pid=${index + 100}): Failed keyboard-interactive/pam for alice from 10.0.0.8 port 54554 ssh2\n`,
  );
  const { file, note } = world({ state: 'running' }, many);
  const started = Date.now();
  expect(await note()).toBe(10_000);
  // A read of the whole log for each line would be quadratic.
  expect(Date.now() - started).toBeLessThan(15_000);
  expect(verifyAudit(file)).toMatchObject({ valid: true, entries: 10_000 });
});

it('a bastion that a person has stopped is no fault; one that ended by itself, or is not there, is', async () => {
  for (const exitCode of [0, 143]) expect(await world({ state: 'exited', exitCode }).note()).toBeUndefined();
  for (const container of [{ state: 'exited', exitCode: 1 }, { state: 'exited', exitCode: 137 }, { state: 'restarting' }, undefined])
    await expect(world(container).note()).rejects.toMatchObject({ code: 'NOT_RUNNING' });
});
