import { pause, type ShipperEffects } from './log-store.ts';
import type { LogDocument } from './plan/document.ts';
import { exportBody, type ServiceSpan, spanOf } from './plan/spans.ts';

/** Where spans go, and from when on a request is slow. */
export interface SpansConfig {
  url: string;
  slowMs: number;
}

const ROUND_MS = 1_000;
const TIMEOUT_MS = 5_000;
const MOST_WAITING = 2_048;
const BATCH = 256;

/**
 * Sends spans of lines of the edge and the balancer to a collector. What it does not take is dropped and counted, as in the portal: lines
 * are not held back for it.
 */
export class SpanSender {
  private readonly config: SpansConfig;
  private readonly project: string;
  private readonly effects: ShipperEffects;
  private waiting: ServiceSpan[] = [];

  constructor(config: SpansConfig, project: string, effects: ShipperEffects) {
    this.config = config;
    this.project = project;
    this.effects = effects;
  }

  take(document: LogDocument): void {
    const found = spanOf(document, this.config.slowMs, this.effects.now());
    if (!found) return;
    if (this.waiting.length < MOST_WAITING) this.waiting.push(found);
    else this.effects.tally.spans.dropped++;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      while (this.waiting.length > 0 && !signal.aborted) await this.send(this.waiting.splice(0, BATCH), signal);
      await pause(ROUND_MS, signal);
    }
  }

  private async send(batch: readonly ServiceSpan[], signal: AbortSignal): Promise<void> {
    const { tally, tell } = this.effects;
    try {
      const answer = await fetch(`${this.config.url}/v1/traces`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: exportBody(this.project, batch),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await answer.arrayBuffer();
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      tally.spans.sent += batch.length;
      tell('spans', 'traces: the collector takes the spans of the edge');
    } catch (error) {
      tally.spans.dropped += batch.length;
      if (!signal.aborted) tell('spans', `traces: the collector does not take the spans of the edge: ${(error as Error).message}`);
    }
  }
}
