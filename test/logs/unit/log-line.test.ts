import { describe, expect, it } from 'vitest';
import { columns, isWanted, type Level, logLine } from '../../../src/logs/plan/log-line.ts';

const PROBES = ['/api/health', '/api/health/ready'];
const from = (text: string, service = 'app-1') => {
  const line = logLine(`${service}-1   | 2026-11-25T10:00:00.123456789Z ${text}`);
  if (!line) throw new Error('is no line of a log');
  return line;
};
const access = (path: string, status = 200) => JSON.stringify({ time: 'x', method: 'GET', path, status, bytes: 12, upstream: '' });

describe('a line that Compose prints', () => {
  it('has the service, its time and the text', () => {
    expect(from('1:M 25 Nov 2026 10:00:00.100 * Ready to accept connections tcp', 'redis-cluster-2')).toEqual({
      service: 'redis-cluster-2',
      time: '2026-11-25T10:00:00.123456789Z',
      level: 'info',
      message: '1:M 25 Nov 2026 10:00:00.100 * Ready to accept connections tcp',
    });
  });
  it('may be empty, and may hold what separates columns', () => {
    expect(from('').message).toBe('');
    expect(from('a | b').message).toBe('a | b');
  });
  it.each(['no such service: x', 'app-1-1 exited with code 0', 'app-1-1  | without a time'])('is none: %s', (raw) => {
    expect(logLine(raw)).toBeUndefined();
  });
  const levels: [Level, string][] = [
    ['info', '2026-11-25 10:00:00.000 UTC [27] @ LOG:  database system is ready to accept connections'],
    ['error', '2026-11-25 10:00:00.000 UTC [99] medianest@medianest ERROR:  relation "x" does not exist'],
    ['error', '2026-11-25 10:00:00.000 UTC [99] @ FATAL:  the database system is shutting down'],
    ['warn', '2026-11-25T10:00:00+0000 WARNING: Could not activate Linux watchdog device'],
    ['info', '2026-11-25T10:00:00+0000 INFO: no action. I am (postgres-1), the leader with the lock'],
    ['warn', '[WARNING]  (8) : Server app/app-1 is DOWN'],
    ['error', '[ALERT]    (1) : config : parsing'],
    ['warn', '1:C 25 Nov 2026 10:00:00.100 # Warning: no config file specified'],
    ['debug', '1:M 25 Nov 2026 10:00:00.100 - Accepted 10.0.0.1:1'],
    ['error', '{"level":"error","msg":"x"}'],
    ['debug', '{"level":20,"msg":"x"}'],
    ['error', '{"level":60,"msg":"x"}'],
    ['error', access('/', 502)],
    ['info', access('/', 404)],
    ['info', 'no level at all'],
    ['info', '{no json'],
  ];
  it.each(levels)('is of level %s: %s', (level, text) => {
    expect(from(text).level).toBe(level);
  });
  it('of JSON says what happened first, and the rest behind it', () => {
    const line = from(
      '{"level":"info","time":"x","correlationId":"abc","method":"GET","path":"/a","status":200,"ms":1.5,"ip":"10.0.0.1","msg":"request"}',
    );
    expect(columns(line)).toEqual({
      time: '2026-11-25 10:00:00Z',
      service: 'app-1         ',
      level: 'info ',
      text: 'GET /a 200',
      rest: 'correlationId=abc ms=1.5 ip=10.0.0.1',
    });
    expect(columns(from('{"time":"x","what":"failed over","to":"postgres-2","why":"it is dead"}'))).toMatchObject({
      text: 'failed over',
      rest: 'to=postgres-2 why="it is dead"',
    });
    expect(columns(from(access('/b'))).text).toBe('GET /b 200');
    expect(columns(from('{"a":1}'))).toMatchObject({ text: '{"a":1}' });
  });
});

it('a line of JSON that is nested without end is a text', () => {
  const deep = (levels: number) => `{"password":"hunter2","a":${'['.repeat(levels)}${']'.repeat(levels)}}`;
  expect(from(deep(50)).fields).toMatchObject({ password: '[redacted]' });
  const line = from(deep(100_000));
  expect([line.fields, line.level]).toEqual([undefined, 'info']);
  expect(line.message.slice(0, 22)).toBe('{"password":[redacted]');
});

describe('what is shown', () => {
  const wanted = (text: string, asked: { level?: Level; pattern?: RegExp } = {}) => isWanted(from(text), { ...asked, probes: PROBES });
  it('is every level but health checks, which debug shows', () => {
    for (const text of [access('/api/health'), access('/api/health/ready?x=1'), '10.0.0.1 - "GET /api/health HTTP/1.1" 200']) {
      expect([wanted(text), wanted(text, { level: 'info' }), wanted(text, { level: 'debug' })]).toEqual([false, false, true]);
    }
    expect([wanted('{"level":"debug","msg":"x"}'), wanted(access('/api/healthy'))]).toEqual([true, true]);
  });
  it('is a health check that failed', () => {
    expect([wanted(access('/api/health', 503)), wanted(access('/api/health', 503), { level: 'error' })]).toEqual([true, true]);
  });
  it('is a level and what is heavier', () => {
    const shown = (least: Level) =>
      ['debug', 'info', 'warn', 'error'].filter((level) => wanted(`{"level":"${level}","msg":"x"}`, { level: least }));
    expect([shown('debug'), shown('info'), shown('warn'), shown('error')]).toEqual([
      ['debug', 'info', 'warn', 'error'],
      ['info', 'warn', 'error'],
      ['warn', 'error'],
      ['error'],
    ]);
  });
  it('matches a pattern, in the text and in the fields', () => {
    expect([wanted('one two', { pattern: /^one/ }), wanted('one two', { pattern: /three/ })]).toEqual([true, false]);
    expect(wanted('{"msg":"x","ip":"10.0.0.1"}', { pattern: /ip=10\./ })).toBe(true);
  });
});
