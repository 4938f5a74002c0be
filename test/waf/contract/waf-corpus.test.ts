import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type WafEntry, wafCollector } from '../../../src/waf/plan/waf-log.ts';
import { docker } from '../../support/cli.ts';
import { type EdgeBench, edgeBench } from '../../support/edge/edge.ts';
import { crsRules } from '../../support/waf/crs.ts';
import { ALL_ATTACKS } from './attacks.ts';
import { BENIGN } from './benign/index.ts';
import { KNOWN } from './benign/known.ts';
import { type Asked, bodyOf } from './benign/request.ts';

const BROWSER = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36';
const SETTINGS = 'edge: { rateLimit: false, login: false, connectionsPerClient: 0, waf: { mode: block } }';
const AT_ONCE = 6;

interface Outcome {
  asked: Asked;
  refused: boolean;
  id: string;
  /** Served by the cache: the edge writes no line of it, and the WAF has not seen it. */
  cached: boolean;
}

async function outcomeOf(edge: EdgeBench, asked: Asked): Promise<Outcome> {
  const content = bodyOf(asked);
  const answer = await edge.ask(asked.path ?? '/', {
    method: asked.method ?? 'GET',
    headers: {
      'user-agent': BROWSER,
      accept: 'application/json',
      ...(content?.type !== undefined && { 'content-type': content.type }),
      ...(content && { 'content-length': String(Buffer.byteLength(content.body)) }),
      ...asked.headers,
    },
    ...(content && { body: content.body }),
  });
  const blocked = answer.status === 403 || answer.status === 400 || answer.status === 413;
  return {
    asked,
    id: answer.headers['x-request-id'] ?? '',
    refused: blocked && !answer.body.toString().includes('"url":'),
    cached: answer.headers['x-cache'] === 'HIT',
  };
}

async function outcomes(edge: EdgeBench, all: readonly Asked[]): Promise<Outcome[]> {
  const left = [...all];
  const done: Outcome[] = [];
  const work = async () => {
    for (let asked = left.shift(); asked; asked = left.shift()) done.push(await outcomeOf(edge, asked));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return done;
}

/** What the edge wrote about these requests, as soon as it has written the last of their lines. */
async function log(edge: EdgeBench, asked: readonly Outcome[]): Promise<Map<string, WafEntry>> {
  return await vi.waitFor(
    async () => {
      const { stdout, stderr } = await docker(['logs', edge.container]);
      const missing = asked.filter(({ id, cached }) => !cached && !stdout.includes(id));
      expect(missing.map(({ asked: { name } }) => name)).toEqual([]);
      const collector = wafCollector();
      for (const line of `${stdout}\n${stderr}`.split('\n')) collector.add(line);
      return new Map(collector.entries().map((entry) => [entry.requestId, entry]));
    },
    { timeout: 15_000, interval: 500 },
  );
}

const rulesOf = ({ id }: Outcome, entries: Map<string, WafEntry>): number[] =>
  [...new Set(entries.get(id)?.matches.map(({ rule }) => rule))].sort();
const told = ({ asked, id }: Outcome, entries: Map<string, WafEntry>): string => {
  const matches = entries.get(id)?.matches ?? [];
  return `${asked.name.slice(0, 200)} <- ${matches.map(({ rule, part, found }) => `${rule} ${part} ${JSON.stringify(found)}`).join(', ') || 'no rule'}`;
};

describe.each([
  ['Debian’s', 3],
  ['version 4', 4],
] as const)('the OWASP CRS, %s, at paranoia 1', (name, major) => {
  let edge: EdgeBench;
  let rules: Awaited<ReturnType<typeof crsRules>> | undefined;
  beforeAll(async () => {
    rules = major === 4 ? await crsRules() : undefined;
    edge = await edgeBench(`waf-corpus-${major}`, SETTINGS, 'cdn: true', rules);
  });
  afterAll(async () => {
    await edge?.destroy();
    rules?.remove();
  });

  it('refuses nothing of what people and programs send but what is listed, and that by the rules listed', async () => {
    const all = Object.values(BENIGN).flat();
    expect(Object.keys(BENIGN).length).toBeGreaterThanOrEqual(12);
    expect(all.length).toBeGreaterThanOrEqual(985);
    const answered = await outcomes(edge, all);
    const entries = await log(edge, answered);
    const refused = answered.filter((outcome) => outcome.refused);
    const known = KNOWN.flatMap(({ request, rules }) => (rules[major] ? [{ request, rules: rules[major] }] : []));
    const listed = (outcome: Outcome) => known.find(({ request }) => outcome.asked.name.startsWith(request));
    const lines = refused.filter((outcome) => !listed(outcome)).map((outcome) => told(outcome, entries));
    console.info(`${name}: ${refused.length} of ${all.length} harmless requests refused, ${lines.length} of them not listed`);
    expect(lines).toEqual([]);
    const found = refused.map((outcome) => ({ request: listed(outcome)?.request, rules: rulesOf(outcome, entries) }));
    expect(found.sort((a, b) => (`${a.request}` < `${b.request}` ? -1 : 1))).toEqual(
      [...known].sort((a, b) => (a.request < b.request ? -1 : 1)),
    );
    const passed = answered.filter((outcome) => !outcome.refused && entries.has(outcome.id));
    expect(passed.map((outcome) => told(outcome, entries))).toEqual([]);
  });

  it('refuses every attack that it knows, and writes down which rule did', async () => {
    expect(ALL_ATTACKS.length).toBeGreaterThanOrEqual(234);
    const all = await outcomes(edge, ALL_ATTACKS);
    const entries = await log(edge, all);
    const missed = all.filter((outcome) => !outcome.refused).map((outcome) => told(outcome, entries));
    expect(missed).toEqual([]);
    const silent = all.filter(({ id }) => !((entries.get(id)?.matches.length ?? 0) > 0 && entries.get(id)?.blocked));
    expect(silent.map((outcome) => told(outcome, entries))).toEqual([]);
  });
});
