import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { AgentConfig, LogsConfig } from '../config.ts';
import { auditTaker } from './audit-log.ts';
import { type EngineLogs, engineLogs } from './engine-logs.ts';
import { filesStore } from './files-store.ts';
import { followContainer, Replaced } from './follower.ts';
import { type PendingLines, pendingLines } from './intake.ts';
import { Journal } from './journal.ts';
import { forgetKept } from './kept-before.ts';
import { BUFFER, KEPT, type LogStore, pause, type ShipperEffects } from './log-store.ts';
import type { LogDocument } from './plan/document.ts';
import { NotFramed } from './plan/frames.ts';
import { remoteStore } from './remote-store.ts';
import { SpanSender } from './span-sender.ts';

const LOOK_MS = 2_000;
const FLUSH_MS = 500;
const AGAIN_MS = 5_000;
const HOPELESS_MS = 60_000;
/** A segment of files is read as a whole when it is continued; one that waits for a store is dropped as a whole. */
const FILES_SEGMENT = 32 * 1024 ** 2;
const BUFFER_SEGMENT = 8 * 1024 ** 2;

/** Takes the lines of all containers and keeps or ships them, until it is stopped. */
export async function shipLogs(
  config: AgentConfig,
  { folder, ...asked }: LogsConfig,
  effects: ShipperEffects,
  signal: AbortSignal,
): Promise<void> {
  const { tell, now, tally } = effects;
  const engine = engineLogs(config.engine.socket, config.engine.list);
  const remote = asked.target !== null;
  // Apart: what is sent is removed, and what was kept before stays.
  const logs = { ...asked, folder: path.join(folder, remote ? BUFFER : KEPT) };
  const forgetting = remote ? forgetKept(path.join(folder, KEPT), asked.days, effects, signal) : undefined;
  while (!signal.aborted) {
    let journal: Journal | undefined;
    try {
      journal = await Journal.open({
        folder: logs.folder,
        hourly: !remote,
        segmentBytes: remote ? Math.min(BUFFER_SEGMENT, Math.floor(logs.buffer / 8)) : FILES_SEGMENT,
        now,
      });
      const store = remote ? await remoteStore(config.project, logs, journal, effects) : filesStore(logs, journal, effects);
      tell('logs', 'logs: at work');
      const spans = logs.spans && new SpanSender(logs.spans, config.project, effects);
      await work(engine, logs, { journal, store, spans, pending: pendingLines(journal, tally) }, effects, signal);
    } catch (error) {
      tally.up = false;
      tally.problem = (error as Error).message;
      tell('logs', `logs: ${(error as Error).message}`);
      writeStatus(effects);
    }
    await journal?.close().catch(() => undefined);
    await pause(AGAIN_MS, signal);
  }
  await forgetting;
}

interface Parts {
  journal: Journal;
  store: LogStore;
  spans: SpanSender | undefined;
  pending: PendingLines;
}

async function work(
  engine: EngineLogs,
  logs: LogsConfig,
  { store, spans, pending }: Parts,
  effects: ShipperEffects,
  signal: AbortSignal,
): Promise<void> {
  const { tell, now, tally } = effects;
  const intake = spans ? { ...pending, look: (document: LogDocument) => spans.take(document) } : pending;
  const followers = new Map<string, Promise<void>>();
  /** Ended containers whose lines are all taken, as the engine numbers them. */
  const drained = new Map<string, string>();
  const failed = new AbortController();
  const life = AbortSignal.any([signal, failed.signal]);

  // What was written before it began has not waited for it.
  const began = now();

  const look = async (): Promise<void> => {
    const sources = await engine.sources(life);
    for (const { service, container } of logs.containers) {
      const source = sources.get(container);
      if (!source || followers.has(container)) continue;
      if (source.running) drained.delete(container);
      if (drained.get(container) === source.id) continue;
      const follow = followContainer(engine, { service, container, id: source.id }, intake, life, () => {
        delete tally.unread[service];
        tell(`logs of ${container}`, `logs: the lines of ${service} come`);
      }).then(
        () => {
          if (!source.running) drained.set(container, source.id);
        },
        async (error: Error) => {
          if (life.aborted || error instanceof Replaced) return;
          tally.unread[service] = error.message;
          tell(`logs of ${container}`, `logs: those of ${service} are not read: ${error.message}`);
          await pause(error instanceof NotFramed ? HOPELESS_MS : AGAIN_MS, life);
        },
      );
      followers.set(
        container,
        follow.finally(() => followers.delete(container)),
      );
    }
  };
  const takeAudit = logs.audit === undefined ? undefined : auditTaker(logs.audit, pending);
  const looking = rounds(LOOK_MS, life, async () => {
    await look().then(
      () => tell('logs of the engine', 'logs: the engine tells of its containers'),
      (error: Error) => !life.aborted && tell('logs of the engine', `logs: ${error.message}`),
    );
    await takeAudit?.().then(
      () => tell('the audit log', 'logs: the audit log is read'),
      (error: Error) => tell('the audit log', `logs: the audit log is not read: ${error.message}`),
    );
    const oldest = Math.min(pending.oldest() ?? Number.POSITIVE_INFINITY, store.oldest() ?? Number.POSITIVE_INFINITY);
    tally.lagSeconds = Number.isFinite(oldest) ? Math.max(0, (now() - Math.max(oldest, began)) / 1000) : 0;
    writeStatus(effects);
  });
  const flushing = rounds(FLUSH_MS, life, async () => {
    try {
      await pending.flush();
      store.written();
      tell('logs on disk', 'logs: the disk takes them');
    } catch (error) {
      tally.problem = `the disk does not take lines: ${(error as Error).message}`;
      tally.up = false;
      tell('logs on disk', `logs: ${tally.problem}`);
      await pause(AGAIN_MS, life);
    }
  });
  try {
    await Promise.all([looking, flushing, store.run(life), ...(spans ? [spans.run(life)] : [])]);
  } finally {
    failed.abort();
    pending.release();
    await Promise.allSettled([looking, flushing, ...followers.values()]);
    // What was taken is kept where it can be; otherwise it is taken again.
    await pending.flush().catch(() => undefined);
  }
}

async function rounds(ms: number, signal: AbortSignal, round: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await round();
    await pause(ms, signal);
  }
}

/** Read as a whole by `health`, in memory: a reader that comes while it is written finds no JSON, and asks again. */
function writeStatus({ tally, now, statusFile }: ShipperEffects): void {
  writeFileSync(statusFile, JSON.stringify({ at: new Date(now()).toISOString(), ...tally }));
}
