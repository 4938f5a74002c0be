import { expect } from 'vitest';
import { kinds, type LoadReport, loadOn } from '../load/load.ts';
import { until } from '../stack.ts';
import { type DataStack, leader, whole, writerOptions } from './data-stack.ts';
import { type WriterReport, Writers } from './data-writers.ts';

export interface FaultReport extends WriterReport {
  /** Who led the database before and after. */
  before: string;
  after: string;
  /** From the fault until `medianest health` found nothing any more. */
  wholeAfterSeconds: number;
  portal: LoadReport;
}

export interface FaultOptions {
  /** Told in the report. */
  name: string;
  /** Within which the stack has to be whole again, unaided. */
  seconds?: number;
  only?: { postgres?: boolean; redis?: boolean };
}

let runs = 0;

/**
 * A fault under load: writers on the database through the router, on each third of the cache, and people at the portal.
 * What was acknowledged has to be there afterwards, nobody may have led beside another, and the stack has to heal unaided.
 */
export async function under(stack: DataStack, options: FaultOptions, fault: (before: string) => Promise<void>): Promise<FaultReport> {
  const { space } = stack;
  const before = await leader(stack);
  const writers = await Writers.begin(writerOptions(stack, `fault-${process.pid}-${++runs}`, options.only));
  const load = await loadOn(space, { rate: 20 });
  try {
    // A gap is measured from the last write before it.
    const writing = async () => {
      const { postgres, redis } = await writers.counts();
      return postgres > 30 && redis.every((count) => count > 30);
    };
    await until('everything takes writes', writing, 60);
    const began = performance.now();
    await fault(before);
    const counts = await writers.counts();
    await until('the database takes writes again', async () => (await writers.counts()).postgres > counts.postgres + 10, 90);
    await whole(stack, options.seconds);
    const wholeAfterSeconds = Math.round(performance.now() - began) / 1000;
    const report = { before, after: await leader(stack), wholeAfterSeconds, portal: await load.stop(), ...(await writers.stop()) };
    tell(options.name, report);
    expect(report.postgres.acknowledged).toBeGreaterThan(0);
    expect(report.postgres.lost).toEqual([]);
    expect(report.leaders.contradictions).toEqual([]);
    expect(await portalLosses(stack, report.portal)).toEqual({ lost: [], doubled: [] });
    return report;
  } finally {
    load.kill();
    writers.kill();
  }
}

/** One line for a person: what happened, and how long nobody could write. */
function tell(name: string, { before, after, wholeAfterSeconds, postgres, leaders, redis, portal }: FaultReport): void {
  const where = before === after ? `recovered in place (${before})` : `failed over (${before} -> ${after})`;
  const cache = redis && `, cache: gaps ${redis.thirds.map(({ longestGapMs }) => longestGapMs).join('/')} ms, lost ${redis.lost.length}`;
  const said = [
    `fault: ${name}: ${where}, write gap ${postgres.longestGapMs} ms, lost ${postgres.lost.length} of ${postgres.acknowledged}`,
    `${cache ?? ''}, whole after ${wholeAfterSeconds} s; portal: ${portal.failed} of ${portal.sent} failed, gaps ${Math.round(portal.get.longestGapMs)} (GET) ${Math.round(portal.post.longestGapMs)} (POST) ms`,
    `; asked ${JSON.stringify(leaders.counts)}, errors ${JSON.stringify(postgres.errors)} ${JSON.stringify(kinds(portal.failures))}\n`,
  ];
  process.stderr.write(said.join(''));
}

/** Of the portal's own writes: what was answered 201 must be there once, with its id; no other more than once. */
async function portalLosses(stack: DataStack, portal: LoadReport): Promise<{ lost: string[]; doubled: string[] }> {
  const reader = await Writers.begin({ ...writerOptions(stack, `read-${++runs}`, { redis: false }) });
  try {
    const rows = await reader.rows<{ title: string; count: string; id: string }>(
      `SELECT title, count(*), min(id) AS id FROM requests WHERE title LIKE '${portal.run}-%' GROUP BY title`,
    );
    const ids = new Map(rows.map(({ title, id }) => [title, Number(id)]));
    return {
      lost: Object.entries(portal.acknowledged).flatMap(([title, id]) => (ids.get(title) === id ? [] : [title])),
      doubled: rows.flatMap(({ title, count }) => (count === '1' ? [] : [title])),
    };
  } finally {
    reader.kill();
  }
}
