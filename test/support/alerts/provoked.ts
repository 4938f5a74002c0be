import os from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import { inspect } from '../load/load-stack.ts';
import { parsed, until } from '../stack.ts';
import type { Workspace } from '../workspace.ts';
import { type WebReceiver, webReceiver } from './receivers.ts';

/** An address of this host that containers reach. */
export const HOST = Object.values(os.networkInterfaces())
  .flat()
  .find((entry) => entry && !entry.internal && entry.family === 'IPv4')?.address as string;

type Status = 'firing' | 'resolved';
interface Told {
  at: number;
  status: Status;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  text: string;
}
/** Ends a fault. */
export type Undo = () => Promise<unknown>;
/** Faults that are there, and the alerts that they are to bring. */
export interface Provoked {
  alerts: readonly string[];
  /** When they began, in milliseconds since 1970. */
  began: number;
  undo: Undo;
}

const keyOf = ({ labels }: Told) => JSON.stringify(Object.entries(labels).sort());

/** The receiver of a stack's alerts, and what is expected to arrive there. */
export class Desk {
  #receiver: WebReceiver;
  /** Alerts that arrived; when the fault of each was undone. */
  readonly #arrived = new Map<string, number>();

  private constructor(receiver: WebReceiver) {
    this.#receiver = receiver;
  }

  static async open(): Promise<Desk> {
    return new Desk(await webReceiver(200, '0.0.0.0'));
  }

  /** A channel that is told everything. */
  get channel() {
    return { kind: 'webhook', url: `http://${HOST}:${this.#receiver.port}`, severities: ['critical', 'warning', 'info'] };
  }

  close = () => this.#receiver.close();

  told(): Told[] {
    return this.#receiver.received.flatMap(({ at, body }) => {
      const { alerts, text } = JSON.parse(body) as { alerts: Omit<Told, 'at' | 'text'>[]; text: string };
      return alerts.map((alert) => ({ ...alert, at, text }));
    });
  }

  firing = (name: string, since: number): Told | undefined =>
    this.told().find(({ labels, status, at }) => labels.alertname === name && status === 'firing' && at >= since);

  /** Makes a fault. @param make gives what ends it; where it fails, nothing is left of it */
  async provoke(alerts: readonly string[], make: () => Promise<Undo>): Promise<Provoked> {
    const began = Date.now();
    return { alerts, began, undo: await make() };
  }

  /** Until every alert of these faults has arrived, each with what to do. How long each took is told. */
  async arrive(faults: readonly Provoked[], seconds: number): Promise<void> {
    const missing = () => faults.flatMap(({ alerts, began }) => alerts.filter((name) => !this.firing(name, began)));
    await until('all are told', () => missing().length === 0, seconds).catch((error) => {
      throw new Error(`${(error as Error).message}: not told: ${missing().join(', ')}`);
    });
    for (const { alerts, began } of faults)
      for (const name of alerts) {
        const { at, labels, annotations, text } = this.firing(name, began) as Told;
        process.stderr.write(`provoked: ${name} (${labels.severity}) was told ${((at - began) / 1000).toFixed(1)} s after its fault\n`);
        expect(annotations.fix, name).toMatch(/^medianest /);
        expect(text).toContain(`Fix: ${annotations.fix}`);
        // Of a thousand others, one message would name a part.
        expect(text, name).toMatch(/Cause: .+\n {2}Effect: /);
      }
  }

  /** Undoes faults, the last one first. @param lasts alerts that look back for longer than a test takes: their ends are not waited for */
  async mend(faults: readonly Provoked[], lasts: readonly string[] = []): Promise<void> {
    const failed: unknown[] = [];
    for (const { undo } of [...faults].reverse()) await undo().catch((error) => failed.push(error));
    for (const { alerts, began } of faults)
      for (const name of alerts) if (this.firing(name, began) && !lasts.includes(name)) this.#arrived.set(name, Date.now());
    if (failed.length > 0) throw failed[0];
  }

  /** Faults that do not explain one another: they arrive, and are undone whether or not they do. */
  async wave(
    faults: readonly (readonly [alerts: readonly string[], make: () => Promise<Undo>])[],
    seconds: number,
    lasts: readonly string[] = [],
  ): Promise<void> {
    const made: Provoked[] = [];
    try {
      for (const [alerts, make] of faults) made.push(await this.provoke(alerts, make));
      await this.arrive(made, seconds);
    } catch (error) {
      // That a fault cannot be undone either would hide what did not arrive.
      await this.mend(made, lasts).catch((undone) => process.stderr.write(`provoked: ${(undone as Error).message}\n`));
      throw error;
    }
    await this.mend(made, lasts);
  }

  /** Until the last word about each alert that arrived is its end, for whatever it was told. */
  async ended(seconds: number): Promise<void> {
    const open = () => {
      const last = new Map(this.told().map((alert) => [keyOf(alert), alert]));
      return [...last.values()].filter(({ labels, status }) => status === 'firing' && this.#arrived.has(labels.alertname as string));
    };
    const names = () =>
      open().map(({ labels: { alertname, instance, service, server } }) => `${alertname} ${instance ?? service ?? server ?? ''}`);
    await until('their ends are told', () => open().length === 0, seconds).catch((error) => {
      throw new Error(`${(error as Error).message}: not ended: ${names().join(', ')}`);
    });
    for (const [name, undone] of this.#arrived) {
      const end = this.told().findLast(({ labels, status }) => labels.alertname === name && status === 'resolved');
      process.stderr.write(
        `provoked: the end of ${name} was told ${(((end as Told).at - undone) / 1000).toFixed(0)} s after its fault was\n`,
      );
    }
  }
}

/** For so long Prometheus has to have measured: what was not measured a minute ago is not told as lost. */
const MEASURED_MS = 90_000;

/** Until nothing critical fires that would hold back what follows from it: it fires for two minutes after its fault. */
export async function calm(space: Workspace, seconds = 420): Promise<void> {
  const critical = async () => {
    const { status, stdout } = await space.run(['alerts', '--json']);
    if (status !== 0) return ['alerts cannot be asked'];
    const { alerts } = parsed<{ alerts: { name: string; severity: string }[] }>({ stdout } as never);
    return alerts.filter(({ severity }) => severity === 'critical').map(({ name }) => name);
  };
  const began = Date.parse(await inspect(space, 'prometheus', '{{.State.StartedAt}}'));
  await sleep(Math.max(0, began + MEASURED_MS - Date.now()));
  const deadline = Date.now() + seconds * 1000;
  for (let fires = await critical(); fires.length > 0; fires = await critical()) {
    if (Date.now() > deadline) throw new Error(`still fires after ${seconds} s: ${fires.join(', ')}`);
    await sleep(3000);
  }
}

/** Again and again until it is undone. */
export function repeated(work: () => Promise<unknown>, pauseMs = 500): Undo {
  const end = new AbortController();
  const loop = (async () => {
    while (!end.signal.aborted) {
      await work().catch(() => undefined);
      await sleep(pauseMs);
    }
  })();
  return () => {
    end.abort();
    return loop;
  };
}
