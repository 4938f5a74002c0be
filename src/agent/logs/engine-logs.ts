import http, { type IncomingMessage } from 'node:http';
import { containerLogs, containerReads } from '../../services/agent/engine-requests.ts';
import { sinceParameter } from './plan/cursor.ts';

const READ_MS = 5_000;
const OPEN_MS = 15_000;

/** A container whose lines are taken, as the engine has it now. */
export interface LogSource {
  /** As the engine numbers it. */
  id: string;
  running: boolean;
}

/** What the shipper asks of the engine, by the same socket as the rest of the agent. */
export function engineLogs(socket: string, listPath: string) {
  const answer = (path: string, signal: AbortSignal, timeout: number, highWaterMark?: number) =>
    new Promise<IncomingMessage>((resolve, reject) => {
      const request = http.get({ socketPath: socket, path, agent: false, signal, ...(highWaterMark && { highWaterMark }) }, (response) => {
        clearTimeout(timer);
        if (response.statusCode === 200) return resolve(response);
        response.resume();
        reject(new Error(`the engine answered ${response.statusCode} to GET ${path}`));
      });
      const timer = setTimeout(() => request.destroy(new Error(`the engine did not answer GET ${path}`)), timeout);
      request.on('error', reject).on('close', () => clearTimeout(timer));
    });
  const json = async (path: string, signal: AbortSignal): Promise<unknown> => {
    const response = await answer(path, AbortSignal.any([signal, AbortSignal.timeout(READ_MS)]), READ_MS);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    return JSON.parse(Buffer.concat(chunks).toString());
  };
  return {
    /** The project's containers, by name. */
    sources: async (signal: AbortSignal): Promise<Map<string, LogSource>> => {
      const listed = (await json(listPath, signal)) as { Id: string; Names: string[]; State: string }[];
      return new Map(listed.map(({ Id, Names, State }) => [(Names[0] ?? '').replace(/^\//, ''), { id: Id, running: State === 'running' }]));
    },
    idOf: async (container: string, signal: AbortSignal): Promise<string> =>
      ((await json(containerReads(container)[0] as string, signal)) as { Id: string }).Id,
    /** Its lines from a moment on, and those that follow, until it ends. @param since RFC 3339 with nine digits; empty for all */
    follow: (container: string, since: string, signal: AbortSignal): Promise<IncomingMessage> =>
      // One: what comes between two reads stays with the kernel, and wakes nothing.
      answer(`${containerLogs(container)}${sinceParameter(since)}`, signal, OPEN_MS, 1),
  };
}

export type EngineLogs = ReturnType<typeof engineLogs>;
