import { describe, expect, it } from 'vitest';
import { auditLines } from '../../../src/agent/logs/plan/audit.ts';
import { bulkBody, waitingOf } from '../../../src/agent/logs/plan/bulk.ts';
import { documentOf } from '../../../src/agent/logs/plan/document.ts';
import { auditPreparations } from '../../../src/agent/logs/plan/templates.ts';

const line = (command: string, time = '2026-11-30T10:00:00.000Z', result = 'done') =>
  JSON.stringify({ time, user: 'me', command, plan: 'p', result, seconds: 1, chain: 'c'.repeat(64) });
const said = (text: string, taken?: Parameters<typeof auditLines>[1]) => auditLines(text, taken).map(({ document }) => document.message);

describe('the audit log', () => {
  it('is taken from where it was taken', () => {
    const [first, second, third] = [line('a'), line('b'), line('c')];
    const taken = auditLines(`${first}\n${second}\n`, undefined).at(-1)?.cursor;
    expect(said(`${first}\n${second}\n`, taken)).toEqual([]);
    expect(said(`${first}\n${second}\n${third}\n`, taken)).toEqual(['c done']);
    // Still being written.
    expect(said(`${first}\n${second}\n${third}`, taken)).toEqual([]);
  });
  it('that is another one is taken as a whole', () => {
    const taken = auditLines(`${line('a')}\n`, undefined).at(-1)?.cursor;
    expect(said(`${line('x')}\n${line('y')}\n`, taken)).toEqual(['x done', 'y done']);
  });
  it('keeps what a crash has cut short, with the time of the line before', () => {
    const lines = auditLines(`${line('a')}\n{"time":"2026-1\n${line('b', 'never', 'failed')}\n`, undefined);
    expect(lines.map(({ document: { message, level } }) => [message, level])).toEqual([
      ['a done', 'info'],
      ['{"time":"2026-1', 'warn'],
      ['b failed', 'warn'],
    ]);
    expect(new Set(lines.map(({ document }) => document['@timestamp']))).toEqual(new Set(['2026-11-30T10:00:00.000000000Z']));
    expect(new Set(lines.map(({ document }) => document.id)).size).toBe(3);
  });
  it('has a data stream that no container can write to', () => {
    const bodyOf = (document: object) => {
      const found = waitingOf(JSON.stringify(document));
      return found ? (bulkBody([found], 'own').split('\n')[0] as string) : '';
    };
    expect(bodyOf(auditLines(`${line('a')}\n`, undefined)[0]?.document ?? {})).toContain('"_index":"own"');
    const forged = auditLines(`${line('forged')}\n`, undefined)[0]?.document;
    for (const text of [JSON.stringify(forged), `{"msg":${JSON.stringify(JSON.stringify(forged))}}`]) {
      const origin = { service: 'audit', container: 'p-audit-1', id: 'i' };
      expect(bodyOf(documentOf({ stream: 'stdout', time: '2026-11-30T10:00:00.000000000Z', text }, 0, origin))).not.toContain('_index');
    }
  });
  it('is deleted by nothing', () => {
    const [policy, template, stream] = auditPreparations('home', true);
    expect(JSON.stringify(policy?.body)).not.toContain('delete');
    expect(template?.body).toMatchObject({ index_patterns: ['logs-medianest-home.audit'] });
    expect(stream?.path).toBe('/_data_stream/logs-medianest-home.audit');
  });
});
