import { createServer, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MetricsAddress } from '../config.ts';

const AGAIN_MS = 5_000;

/** `GET /metrics`, for one address. Few connections, and none that only waits. */
function metricsServer(caller: string, text: () => Promise<string>): Server {
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000, keepAliveTimeout: 1_000 }, (request, response) => {
    const answer = (status: number, body: string) =>
      response.writeHead(status, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8', Connection: 'close' }).end(body);
    if (request.socket.remoteAddress?.replace(/^::ffff:/, '') !== caller) return answer(403, 'not for you\n');
    if (request.method !== 'GET' || request.url !== '/metrics') return answer(404, 'GET /metrics alone\n');
    text().then(
      (body) => answer(200, body),
      (error: Error) => answer(500, `${error.message}\n`),
    );
  });
  server.maxConnections = 8;
  return server;
}

/**
 * Answers until it is stopped. Where the address cannot be had, as in a container that is not in that network yet, it tries again.
 * @param tell hears how it stands
 */
export async function serveMetrics(
  { host, port, caller }: MetricsAddress,
  text: () => Promise<string>,
  tell: (what: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  while (!signal.aborted) {
    const server = metricsServer(caller, text);
    const failed = new Promise<void>((resolve) =>
      server.once('error', (error) => {
        tell(`metrics: ${error.message}`);
        resolve();
      }),
    );
    server.listen(port, host, () => tell(`metrics: answers at ${host}:${port}`));
    await Promise.race([failed, stopped]);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await sleep(AGAIN_MS, undefined, { signal }).catch(() => undefined);
  }
}
