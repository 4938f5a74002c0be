import { type Guess, isNew, lineOf } from './ssh-lines.ts';

/** What waits for CrowdSec at most. */
const MOST = 2_000;
/** Of one client, so that a burst leaves place for others: more than any scenario needs for a ban. */
const MOST_OF_ONE = 20;

/** Failed sign-ins at the host's SSH server that CrowdSec is still to be told of, the oldest first. */
export class WaitingGuesses {
  /** How many were left out because too many clients waited; until all others are told. */
  leftOut = 0;
  private readonly open = new Set<string>();
  private readonly byClient = new Map<string, number>();
  private waiting: { client: string; line: string }[] = [];

  add(guess: Guess, now: Date): void {
    if (!isNew(guess, this.open)) return;
    const { client } = guess;
    const before = this.byClient.get(client) ?? 0;
    const wanted = Math.min(guess.times, MOST_OF_ONE - before);
    const taken = Math.min(wanted, MOST - this.waiting.length);
    this.leftOut += wanted - taken;
    if (taken === 0) return;
    const line = lineOf(guess, now);
    for (let count = 0; count < taken; count++) this.waiting.push({ client, line });
    this.byClient.set(client, before + taken);
  }

  /** The oldest of them, as lines. */
  first(count: number): string[] {
    return this.waiting.slice(0, count).map(({ line }) => line);
  }

  /** Forgets so many of the oldest. */
  told(count: number): void {
    for (const { client } of this.waiting.splice(0, count)) {
      const left = (this.byClient.get(client) ?? 0) - 1;
      if (left > 0) this.byClient.set(client, left);
      else this.byClient.delete(client);
    }
    if (this.waiting.length === 0) this.leftOut = 0;
  }
}
