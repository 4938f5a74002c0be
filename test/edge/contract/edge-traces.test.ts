import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { docker } from '../../support/cli.ts';
import { type EdgeBench, edgeBench } from '../../support/edge/edge.ts';

let edge: EdgeBench;
beforeAll(async () => {
  edge = await edgeBench('edge-traces', '', 'cdn: true');
});
afterAll(() => edge.destroy());

const [LIE, SPAN] = ['1'.repeat(32), '2'.repeat(16)];
const lies = { traceparent: `00-${LIE}-${SPAN}-01`, tracestate: 'a=b', baggage: 'role=admin' };
const configured = async (traces: string, others = '') =>
  expect(await edge.configure(`edge: { rateLimit: false${others} }\n${traces}`)).toMatchObject({ status: 0 });
const TRACES = (more = '') => `traces: { endpoint: "http://10.1.1.1:4318"${more} }`;

/** What the application is told, and the edge's own line of it. */
async function told(path: string, headers: Record<string, string> = lies) {
  const marked = `${path}${path.includes('?') ? '&' : '?'}v=${Math.random().toString(36).slice(2)}`;
  const id = `edge-traces-${Math.random().toString(36).slice(2)}`;
  const answer = await edge.ask(marked, { headers: { ...headers, 'x-request-id': id } });
  const given = (JSON.parse(answer.body.toString()) as { headers: Record<string, string> }).headers;
  const line = await vi.waitFor(
    async () => {
      const { stdout } = await docker(['logs', '--tail', '50', edge.container]);
      const found = stdout.split('\n').find((entry) => entry.includes(`"requestId":"${id}"`));
      if (found === undefined) throw new Error(`no line of ${id}`);
      return JSON.parse(found) as Record<string, string>;
    },
    { timeout: 8000, interval: 250 },
  );
  const [, trace = '', span = '', flags = ''] = /^00-([0-9a-f]{32})-([0-9a-f]{16})-(0[01])$/.exec(given.traceparent ?? '') ?? [];
  return { given, line, trace, span, flags };
}

describe('a request’s trace', () => {
  it('begins at the edge, whatever a visitor says, and its id is in the edge’s line', async () => {
    await configured(TRACES(', sample: 1'));
    const { given, line, trace, span, flags } = await told('/echo');
    expect(trace).toMatch(/^[0-9a-f]{32}$/);
    expect(trace).not.toBe(LIE);
    expect(span).toBe(trace.slice(0, 16));
    expect(flags).toBe('01');
    expect([given.tracestate, given.baggage]).toEqual([undefined, undefined]);
    expect(line.traceId).toBe(trace);
    expect((await told('/echo')).trace).not.toBe(trace);
  });

  it('is the same behind the cache of static files', async () => {
    await configured(TRACES(', sample: 1'));
    const { line, trace, span } = await told('/app.css');
    expect(line.cache).toMatch(/MISS/);
    expect(trace).not.toBe(LIE);
    expect([line.traceId, span]).toEqual([trace, trace.slice(0, 16)]);
  });

  it('is continued from a proxy in front only where that is asked for', async () => {
    const proxies = `, trustedProxies: ["${edge.self}"]`;
    await configured(TRACES(), proxies);
    expect((await told('/echo')).trace).not.toBe(LIE);
    await configured(TRACES(', sample: 1, fromProxies: true'), proxies);
    const { given, line, trace, span } = await told('/echo');
    expect([trace, span, line.traceId, given.tracestate]).toEqual([LIE, SPAN, LIE, 'a=b']);
    for (const traceparent of [`00-${'0'.repeat(32)}-${SPAN}-01`, `00-${LIE}-${'0'.repeat(16)}-01`, `00-${LIE}`, `01-${LIE}-${SPAN}-01`]) {
      const begun = await told('/echo', { traceparent });
      expect(begun.trace).toMatch(/^[0-9a-f]{32}$/);
      expect([begun.trace === LIE, begun.span]).toEqual([false, begun.trace.slice(0, 16)]);
    }
  });

  it('is kept for the share that is asked for', async () => {
    await configured(TRACES(', sample: 0'));
    expect((await told('/echo')).flags).toBe('00');
    await configured(TRACES());
    const flags: string[] = [];
    for (let done = 0; done < 1000; done += 50) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => edge.ask('/echo')));
      flags.push(...answers.map(({ body }) => JSON.parse(body.toString()).headers.traceparent.slice(-2) as string));
    }
    const kept = flags.filter((flag) => flag === '01').length;
    // Six standard deviations of a fair draw.
    expect(kept).toBeGreaterThan(100 - 57);
    expect(kept).toBeLessThan(100 + 57);
    expect(kept + flags.filter((flag) => flag === '00').length).toBe(1000);
  });

  it('is the application’s own affair without `traces.endpoint`', async () => {
    await configured('');
    await sleep(100);
    const { given, line } = await told('/echo');
    expect(given).toMatchObject(lies);
    expect(line).not.toHaveProperty('traceId');
  });
});
