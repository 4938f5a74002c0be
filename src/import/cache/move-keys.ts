import { UserError } from '../../core/errors.ts';
import type { Task } from '../../core/reporter.ts';
import type { Mapping } from '../plan/cache-judge.ts';
import { type CacheSurvey, countKey, emptySurvey, hashSlot, type KeyFacts, keyFacts, sameKey, shownKey } from '../plan/cache-keys.ts';
import { type Leader, owns } from '../plan/cache-nodes.ts';
import { KEY_FACTS, KEY_SIZES, quoted } from '../plan/cache-scripts.ts';
import { type Connection, command, lineReader, send } from './resp.ts';
import type { Writer } from './target.ts';

const BATCH = 2000;
/** Small values go out together. */
const TOGETHER = 256 * 1024;

/** Keys of a database, in batches. A key may come twice. */
async function* batches(source: Connection, database: number): AsyncGenerator<Buffer[]> {
  await source.ask('select', database);
  let cursor = '0';
  do {
    const [next, keys] = (await source.ask('scan', cursor, 'count', BATCH)) as [Buffer, Buffer[]];
    cursor = String(next);
    if (keys.length > 0) yield keys;
  } while (cursor !== '0');
}

/** Looks at every key of the source. Changes nothing. */
export async function survey(source: Connection): Promise<CacheSurvey> {
  const found = emptySurvey();
  const keyspace = String(await source.ask('info', 'keyspace'));
  for (const [, number] of keyspace.matchAll(/^db(\d+):/gm)) {
    const seen = new Set<string>();
    for await (const keys of batches(source, Number(number))) {
      const fresh = keys.filter((key) => !seen.has(key.toString('latin1')));
      for (const key of fresh) seen.add(key.toString('latin1'));
      const said = (await source.ask('eval', KEY_SIZES, 0, ...fresh)) as Buffer[];
      for (const [index, key] of fresh.entries()) {
        const facts = keyFacts(String(said[index]));
        if (facts && facts.type !== 'none') countKey(found, Number(number), key, facts);
      }
    }
  }
  const libraries = (await source.ask('function', 'list')) as Buffer[][];
  found.libraries = libraries.map((library) => String(library[1]));
  return found;
}

const leaderFor = (leaders: readonly Leader[], key: Buffer): Leader => {
  const slot = hashSlot(key);
  return leaders.find((leader) => owns(leader, slot)) as Leader;
};

/**
 * Writes every key with its time to live, each to the leader that has its slot. A key that is there already is an error: something else writes.
 * @returns how many were written
 */
export async function writeKeys(
  source: Connection,
  mapping: Mapping,
  leaders: readonly Leader[],
  to: Writer,
  task: Task | undefined,
): Promise<number> {
  const runs = new Map(leaders.map((leader) => [leader, { run: to.pipe(leader), said: '', held: [] as Buffer[], bytes: 0 }]));
  for (const entry of runs.values()) entry.run.stdout.on('data', (text: Buffer) => (entry.said = `${entry.said}${text}`.slice(-2000)));
  let written = 0;
  try {
    for (const { from, to: database } of mapping) {
      const done = new Set<string>();
      if (leaders[0]?.mode !== 'cluster') for (const { run } of runs.values()) await send(run.stdin, command('select', database));
      for await (const all of batches(source, from)) {
        const keys = all.filter((key) => !done.has(key.toString('latin1')));
        for (const key of keys) done.add(key.toString('latin1'));
        const replies = source.askAll(keys.flatMap((key) => [command('pexpiretime', key), command('dump', key)]));
        for (const key of keys) {
          const expires = (await replies.next()).value as number;
          const payload = (await replies.next()).value as Buffer | null;
          // It has ended since it was listed.
          if (payload === null || expires === -2) continue;
          const entry = runs.get(leaderFor(leaders, key)) as NonNullable<ReturnType<typeof runs.get>>;
          entry.held.push(command('restore', key, Math.max(0, expires), payload, 'absttl'));
          entry.bytes += payload.length;
          if (entry.bytes >= TOGETHER) await flush(entry);
          written += 1;
        }
        for (const entry of runs.values()) await flush(entry);
        task?.detail(`${written} keys`);
      }
    }
  } finally {
    for (const { run } of runs.values()) run.stdin.end();
  }
  for (const [{ container }, entry] of runs) {
    const { exitCode, tail } = await entry.run.ended;
    const { said } = entry;
    if (exitCode !== 0 || !said.includes('errors: 0,'))
      throw new UserError(
        'IMPORT_FAILED',
        `${container} did not take all keys: ${tail.slice(0, 3).join(' | ') || said.trim().split('\n').at(-1) || `status ${exitCode}`}`,
        'does something else write to the cache, or was a leader replaced? medianest health, then import again',
      );
  }
  return written;
}

async function flush(entry: { run: ReturnType<Writer['pipe']>; held: Buffer[]; bytes: number }): Promise<void> {
  if (entry.held.length === 0) return;
  await send(entry.run.stdin, Buffer.concat(entry.held));
  entry.held = [];
  entry.bytes = 0;
}

/** Compares type, elements and time to live of every key. @returns keys that differ, the first of them in words */
export async function compareKeys(
  source: Connection,
  mapping: Mapping,
  leaders: readonly Leader[],
  to: Writer,
): Promise<{ compared: number; wrong: string[] }> {
  const ask = new Map(
    leaders.map((leader) => {
      const run = to.lines(leader);
      return [leader, { run, lines: lineReader(run.stdout) }];
    }),
  );
  const wrong: string[] = [];
  const compared = new Set<string>();
  const script = quoted(Buffer.from(KEY_FACTS));
  try {
    for (const { from, to: database } of mapping) {
      if (leaders[0]?.mode !== 'cluster')
        for (const { run, lines } of ask.values()) {
          await send(run.stdin, `select ${database}\n`);
          await lines.next();
        }
      for await (const keys of batches(source, from)) {
        const said = (await source.ask('eval', KEY_FACTS, 0, ...keys)) as Buffer[];
        const there = new Map(keys.map((key, index) => [key, keyFacts(String(said[index])) as KeyFacts]));
        for (const [leader, { run, lines }] of ask) {
          const own = keys.filter((key) => leaderFor(leaders, key) === leader);
          if (own.length === 0) continue;
          await send(run.stdin, `eval ${script} 0 ${own.map(quoted).join(' ')}\n`);
          for (const key of own) {
            const line = await lines.next();
            const here = keyFacts(line);
            if (!here)
              throw new UserError(
                'IMPORT_FAILED',
                `${leader.container} cannot be compared: ${line.slice(0, 200)}`,
                'medianest health, then import again',
              );
            compared.add(`${database} ${key.toString('latin1')}`);
            const source = there.get(key) as KeyFacts;
            if (!sameKey(source, here, Date.now() + 1000))
              wrong.push(`${shownKey(key)}: ${text(source)} in the source, ${text(here)} here`);
          }
        }
      }
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      'IMPORT_FAILED',
      `the keys cannot be compared: ${(error as Error).message}`,
      'medianest health, then import again',
      { cause: error },
    );
  } finally {
    for (const { run } of ask.values()) run.stdin.end();
  }
  return { compared: compared.size, wrong };
}

const text = ({ type, elements, expires }: KeyFacts): string =>
  type === 'none' ? 'not there' : `${type} of ${elements}${expires < 0 ? '' : `, until ${new Date(expires).toISOString()}`}`;
