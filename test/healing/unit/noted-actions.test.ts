import { expect, it } from 'vitest';
import { agentAction } from '../../../src/healing/plan/agent-status.ts';
import { entriesOf, lastNoted } from '../../../src/healing/plan/noted-actions.ts';
import type { AuditEntry } from '../../../src/state/audit.ts';

const LOG = [
  { time: '2026-11-29T10:00:00.000Z', what: 'at work', project: 'p' },
  { time: '2026-11-29T10:00:05.000Z', what: 'a container ended', container: 'p-app-1-1' },
  { time: '2026-11-29T10:00:08.000Z', what: 'started', action: 'start', service: 'app-1', why: 'it ended with status 137' },
  { time: '2026-11-29T10:00:09.000Z', what: 'that failed', action: 'failed', service: 'app-1', error: 'the engine answered 409' },
  {
    time: '2026-11-29T10:01:00.000Z',
    what: 'the lock of a dead leader is released',
    action: 'fence-release',
    member: 'postgres-1',
    revision: '7',
  },
].flatMap((line) => agentAction(JSON.stringify(line)) ?? []);

const NOW = new Date('2026-11-29T10:02:00Z');
const entry = (user: string, time: string): AuditEntry => ({ time, user, command: 'x', plan: '', result: 'done', seconds: 0 });

it('what the agent did stands in the audit log with its reason; what it only saw does not', () => {
  expect(
    entriesOf([...LOG].reverse(), [], NOW).map(({ time, user, command, result }) => [time.slice(11, 19), user, command, result]),
  ).toEqual([
    ['10:00:08', 'agent', 'app-1: started (it ended with status 137)', 'done'],
    ['10:00:09', 'agent', 'app-1: that failed (the engine answered 409)', 'failed'],
    ['10:01:00', 'agent', 'postgres-1: the lock of a dead leader is released', 'done'],
  ]);
});

it('a second look brings what is newer alone', () => {
  const audit = [entry('agent', '2026-11-29T10:00:09.000Z'), entry('maria', '2026-11-29T11:00:00.000Z')];
  expect(lastNoted(audit)).toBe('2026-11-29T10:00:09.000Z');
  expect(entriesOf(LOG, audit, NOW).map(({ command }) => command)).toEqual(['postgres-1: the lock of a dead leader is released']);
  const all = entriesOf(LOG, [], NOW);
  expect(entriesOf(LOG, all, NOW)).toEqual([]);
});

it('where the clock was put back, what the agent does then is brought as well, and nothing twice', () => {
  const before = entriesOf(LOG.slice(0, 4), [], NOW);
  const audit = [...before, entry('agent', '2026-11-29T11:00:00.000Z')];
  const fresh = entriesOf(LOG, audit, NOW);
  expect(fresh.map(({ command }) => command)).toEqual(['postgres-1: the lock of a dead leader is released']);
  expect(entriesOf(LOG, [...audit, ...fresh], NOW)).toEqual([]);
});
