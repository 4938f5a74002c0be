import { appendFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { type LogsConfig, type LogTarget, readSecret } from '../config.ts';
import type { Journal } from './journal.ts';
import { LogQueue } from './log-queue.ts';
import { type LogStore, pause, type ShipperEffects } from './log-store.ts';
import { auditStream, backOff, bulkBody, bulkOutcome, bulkPath, onRefusal, reasonIn, StoreAway, type Waiting } from './plan/bulk.ts';
import { auditPreparations, type Preparation, preparations } from './plan/templates.ts';
import { type StoreClient, storeClient } from './store-client.ts';

const IDLE_MS = 500;
/** What the store refuses is kept here, up to this size; beyond it is only counted. */
const ASIDE = 'refused.ndjson';
const ASIDE_BYTES = 8 * 1024 ** 2;

/** Sends what is on disk to a store with the `_bulk` protocol, and removes it once it is acknowledged. */
export async function remoteStore(
  project: string,
  { target, days, buffer, folder, audit }: LogsConfig,
  journal: Journal,
  effects: ShipperEffects & { secret?: (name: string) => string },
): Promise<LogStore> {
  if (!target) throw new Error('no store is configured');
  const client = storeClient(target, effects.secret ?? readSecret);
  const file = path.join(folder, 'position.json');
  const queue = await LogQueue.open(journal, file);
  const sender = new Sender({ project, target, days, folder, buffer, audit: audit !== undefined }, queue, client, effects);
  return {
    run: (signal) => sender.run(signal).finally(() => client.close()),
    written: () => sender.wake(),
    oldest: () => queue.oldest,
  };
}

interface SenderSettings {
  project: string;
  target: LogTarget;
  days: number;
  folder: string;
  buffer: number;
  /** Whether the audit log is shipped too. */
  audit: boolean;
}

class Sender {
  private readonly settings: SenderSettings;
  private readonly queue: LogQueue;
  private readonly client: StoreClient;
  private readonly effects: ShipperEffects;
  private sending: number | undefined;
  private prepared = false;
  private ring: (() => void) | undefined;

  constructor(settings: SenderSettings, queue: LogQueue, client: StoreClient, effects: ShipperEffects) {
    this.settings = settings;
    this.queue = queue;
    this.client = client;
    this.effects = effects;
  }

  wake(): void {
    this.ring?.();
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.send(signal), this.bound(signal)]);
  }

  private async send(signal: AbortSignal): Promise<void> {
    for (let attempt = 0; !signal.aborted; ) {
      let begun = 0;
      try {
        await this.prepare(signal);
        const next = await this.queue.next();
        if (!next) {
          await this.idle(signal);
          continue;
        }
        this.sending = next.after.segment;
        begun = next.documents.length;
        await this.deliver(next.documents, signal);
        await this.queue.acknowledge(next.after).then(
          () => this.effects.tell('log position', 'logs: up to where they are stored is written down'),
          (error: Error) => this.effects.tell('log position', `logs: up to where they are stored cannot be written down: ${error.message}`),
        );
        attempt = 0;
      } catch (error) {
        if (signal.aborted) return;
        attempt++;
        this.effects.tally.retried += begun;
        // What comes back may be another one, or be empty: with what it comes with itself, it would keep lines for ever.
        this.prepared = false;
        this.away(error as Error);
        await pause(backOff(attempt), signal);
      } finally {
        this.sending = undefined;
      }
    }
  }

  /** Sends until each document is stored or refused. Only those that the store had no time for are sent again. */
  private async deliver(documents: readonly Waiting[], signal: AbortSignal): Promise<void> {
    const { tally } = this.effects;
    let left: readonly Waiting[] = documents;
    for (let attempt = 1; left.length > 0; attempt++) {
      const outcome = await this.request(left, signal);
      tally.shipped += outcome.stored;
      for (const { document, reason } of outcome.refused) await this.putAside(document, reason);
      if (outcome.again.length === 0) break;
      tally.retried += outcome.again.length;
      left = outcome.again;
      this.away(new StoreAway(`it has no time for ${left.length} lines`));
      await pause(backOff(attempt), signal);
      signal.throwIfAborted();
    }
    tally.up = true;
    tally.problem = undefined;
    this.effects.tell('log store', 'logs: the store takes them');
  }

  private async request(documents: readonly Waiting[], signal: AbortSignal): Promise<ReturnType<typeof bulkOutcome>> {
    const { target, project } = this.settings;
    const audit = target.kind === 'elasticsearch' ? auditStream(project) : undefined;
    const answer = await this.client.ndjson(bulkPath(target.kind, project), bulkBody(documents, audit), signal);
    const refusal = answer.status === 200 ? 'wait' : onRefusal(answer.status, documents.length);
    if (refusal === 'refuse') {
      const [document] = documents as [Waiting];
      return { stored: 0, again: [], refused: [{ document, reason: `${answer.status} ${reasonIn(answer.body)}` }] };
    }
    if (refusal === 'wait') return bulkOutcome(target.kind, answer, documents);
    const middle = Math.ceil(documents.length / 2);
    const first = await this.request(documents.slice(0, middle), signal);
    const second = await this.request(documents.slice(middle), signal);
    return {
      stored: first.stored + second.stored,
      again: [...first.again, ...second.again],
      refused: [...first.refused, ...second.refused],
    };
  }

  private async putAside({ text }: Waiting, reason: string): Promise<void> {
    const { tally, tell } = this.effects;
    tally.dropped.refused++;
    tell('refused lines', `logs: the store refuses a line: ${reason.slice(0, 300)}`);
    const file = path.join(this.settings.folder, ASIDE);
    const size = await stat(file).then(
      (found) => found.size,
      () => 0,
    );
    if (size >= ASIDE_BYTES) return;
    await appendFile(file, `${JSON.stringify({ reason, document: JSON.parse(text) })}\n`, { mode: 0o640 }).catch((error: Error) =>
      // On a full disk it would be sent, and refused, again and again, and all that comes after it would wait.
      tell('lines put aside', `logs: a refused line is not put aside: ${error.message}`),
    );
  }

  /** At the beginning, and each time that the store was away. Of what is refused it is told: an operator may have made it, and lines can still come. */
  private async prepare(signal: AbortSignal): Promise<void> {
    const { target, project, days, audit } = this.settings;
    if (this.prepared || target.kind !== 'elasticsearch') return;
    const refused = `lines are not deleted after ${days} days`;
    await this.prepareStream((lifecycle) => preparations(project, days, lifecycle), refused, signal);
    if (audit) await this.prepareStream((lifecycle) => auditPreparations(project, lifecycle), 'its index only grows', signal);
    this.prepared = true;
  }

  /** @param steps those of one data stream, by whether the store has taken the policy @param without what follows where it has not */
  private async prepareStream(steps: (lifecycle: boolean) => Preparation[], without: string, signal: AbortSignal): Promise<void> {
    let lifecycle = true;
    for (const index of [0, 1, 2]) {
      const { what, method, path: at, body, alsoGood } = steps(lifecycle)[index] as Preparation;
      const answer = await this.client.json(method, at, body, signal);
      if (answer.status === 429 || answer.status >= 500 || answer.status === 401)
        throw new StoreAway(`it answered ${answer.status} to ${what}: ${reasonIn(answer.body)}`);
      const good = answer.status < 300 || alsoGood?.(answer.status, answer.body) === true;
      if (!good && index === 0) lifecycle = false;
      const told = good ? `logs: ${what} is there` : `logs: the store refused ${what} (${answer.status}): ${reasonIn(answer.body)}`;
      this.effects.tell(what, good || index > 0 ? told : `${told}; ${without}`);
    }
  }

  /** The buffer's bound, also while a request waits for its answer. */
  private async bound(signal: AbortSignal): Promise<void> {
    const { tally, tell } = this.effects;
    while (!signal.aborted) {
      try {
        const lost = await this.queue.dropTo(this.settings.buffer, this.sending);
        if (lost > 0) {
          tally.dropped.buffer += lost;
          tell('log buffer', `logs: the buffer is full: so far ${tally.dropped.buffer} of the oldest lines were dropped`);
        }
        tally.bytes = await this.queue.bytes();
      } catch (error) {
        tell('log buffer', `logs: the buffer cannot be looked at: ${(error as Error).message}`);
      }
      await pause(IDLE_MS, signal);
    }
  }

  private away(error: Error): void {
    const { tally, tell } = this.effects;
    tally.up = false;
    tally.problem = error.message;
    tell('log store', `logs: the store does not take them: ${error.message}`);
  }

  private async idle(signal: AbortSignal): Promise<void> {
    const rung = new Promise<void>((resolve) => {
      this.ring = resolve;
    });
    await Promise.race([rung, pause(IDLE_MS, signal)]);
    this.ring = undefined;
  }
}
