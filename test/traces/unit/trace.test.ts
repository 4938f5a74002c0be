import { describe, expect, it } from 'vitest';
import { logLine } from '../../../src/logs/plan/log-line.ts';
import { collectorCheck } from '../../../src/traces/plan/collector.ts';
import { headersOf } from '../../../src/traces/plan/headers.ts';
import { inOrder, isOfTrace, isTraceId, traceUrl } from '../../../src/traces/plan/trace.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const line = (service: string, second: number, fields: object) => {
  const read = logLine(`${service}-1  | 2026-11-25T10:00:0${second}.000000000Z ${JSON.stringify(fields)}`);
  if (!read) throw new Error('is no line of a log');
  return read;
};

describe('the id of a trace', () => {
  it.each<[string, boolean]>([
    [ID, true],
    ['0'.repeat(32), false],
    [ID.slice(1), false],
    [`${ID}0`, false],
    [ID.toUpperCase(), false],
    ['.*', false],
  ])('%s: %s', (text, wanted) => {
    expect(isTraceId(text)).toBe(wanted);
  });

  it('leads to its lines, in the order of time, and not to those that quote it', () => {
    const lines = [
      line('app-1', 3, { traceId: ID, msg: 'request' }),
      line('balancer', 2, { traceId: ID }),
      line('edge', 1, { traceId: 'f'.repeat(32), path: `/${ID}` }),
      line('own', 1, { trace_id: ID }),
    ];
    expect(inOrder(lines.filter((entry) => isOfTrace(entry, ID))).map(({ service }) => service)).toEqual(['own', 'balancer', 'app-1']);
  });

  it.each<[string | undefined, string | undefined]>([
    [undefined, undefined],
    ['http://jaeger.lan:16686/', `http://jaeger.lan:16686/trace/${ID}`],
    ['https://grafana.lan/explore?trace={id}&again={id}', `https://grafana.lan/explore?trace=${ID}&again=${ID}`],
  ])('leads to its page at %s', (url, wanted) => {
    expect(traceUrl(url, ID)).toBe(wanted);
  });
});

describe('the check of the collector', () => {
  const AT = 'http://jaeger.lan:4318';
  it.each<[Parameters<typeof collectorCheck>[1], string, RegExp, RegExp?]>([
    [{ status: 200 }, 'ok', /takes traces/],
    [{ status: 202 }, 'ok', /takes traces/],
    [{ status: 401 }, 'warn', /answers 401/, /traces\.headers/],
    [{ status: 404 }, 'warn', /answers 404/, /4318/],
    [{ status: 308 }, 'warn', /answers 308/, /log of the collector/],
    [{ status: 503 }, 'warn', /answers 503.*spans are dropped/, /log of the collector/],
    [{ error: 'ECONNREFUSED' }, 'warn', /does not answer \(ECONNREFUSED\)/, /start the collector/],
  ])('%j: %s', (answer, status, message, remedy) => {
    const check = collectorCheck(AT, answer);
    expect(check).toMatchObject({ id: 'traces.collector', status, message: expect.stringMatching(message) });
    if (remedy) expect(check.remedy).toMatch(remedy);
    else expect(check.remedy).toBeUndefined();
  });
});

describe('headers of an exporter', () => {
  it.each<[string, Record<string, string> | undefined]>([
    ['', {}],
    ['authorization=Bearer%20abc%3D, x-tenant = home ,', { authorization: 'Bearer abc=', 'x-tenant': 'home' }],
    ['a=b=c', { a: 'b=c' }],
    ['a=', { a: '' }],
    ['alone', undefined],
    ['a b=c', undefined],
    ['a=%E0%A4', undefined],
    ['a=x%0Ab', undefined],
  ])('%j', (text, wanted) => {
    expect(headersOf(text)).toEqual(wanted);
  });
});
