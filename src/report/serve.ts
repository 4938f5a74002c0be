import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import { dashboardReader } from './dashboard.ts';
import { dashboardPage, dashboardPart, dashboardPolicy } from './draw/dashboard-page.ts';
import { askedFor, type Range } from './plan/requests.ts';

/** Several browsers that look at once cost as much as one. */
const FRESH_MS = 5000;

interface Drawn {
  project: string;
  profile: string;
  part: string;
}

/**
 * Serves the dashboard on this host alone, until Ctrl-C. Who knows the address may look, and the address is said to the person alone:
 * a cookie would reach whatever else listens on this host, at any port.
 * @param port 0 for one that is free
 * @param started is told the address
 * @throws UserError PORT_TAKEN
 */
export async function serveDashboard(context: Context, port: number, started: (url: string, port: number) => void): Promise<void> {
  const token = randomBytes(24).toString('base64url');
  const draw = drawer(context);
  const server = http.createServer({ maxHeaderSize: 8192 }, (request, response) => {
    answer(request, response, token, draw).catch((error: Error) => {
      if (!context.signal.aborted) context.report.warn(`the dashboard could not be drawn: ${error.message}`);
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' });
      response.end('It could not be drawn: see the terminal.\n');
    });
  });
  server.maxConnections = 64;
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw refused(error, port);
  }
  const { port: given } = server.address() as AddressInfo;
  started(`http://127.0.0.1:${given}/${token}/`, given);
  if (!context.signal.aborted) await once(context.signal, 'abort');
  server.close();
  server.closeAllConnections();
}

function refused(error: unknown, port: number): unknown {
  const code = systemCode(error);
  if (code === 'EADDRINUSE')
    return new UserError('PORT_TAKEN', `port ${port} is in use`, 'choose another with --port, or leave --port out: a free one is taken', {
      cause: error,
    });
  if (code === 'EACCES')
    return new UserError('PORT_TAKEN', `port ${port} is for root alone`, 'choose one above 1023 with --port', { cause: error });
  return error;
}

/** Reads and draws; what was drawn a moment ago, or is being drawn, is given again. */
function drawer(context: Context): (range: Range) => Promise<Drawn> {
  const read = dashboardReader(context);
  const kept = new Map<Range, { at: number; drawn: Promise<Drawn> }>();
  return (range) => {
    const last = kept.get(range);
    if (last && Date.now() - last.at < FRESH_MS) return last.drawn;
    const drawn = read(range).then((shown) => {
      kept.set(range, { at: Date.now(), drawn });
      return { project: shown.project, profile: shown.profile, part: dashboardPart(shown) };
    });
    drawn.catch(() => kept.delete(range));
    kept.set(range, { at: Number.POSITIVE_INFINITY, drawn });
    return drawn;
  };
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  token: string,
  draw: (range: Range) => Promise<Drawn>,
): Promise<void> {
  const { method = '', url = '' } = request;
  const asked = askedFor({ method, host: request.headers.host, url }, token);
  const nonce = randomBytes(16).toString('base64');
  const headers = {
    'Cache-Control': 'no-store',
    'Content-Security-Policy': dashboardPolicy(nonce),
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  };
  if ('refused' in asked) {
    response.writeHead(asked.refused, { ...headers, 'Content-Type': 'text/plain' });
    response.end(asked.refused === 404 ? 'Not found: open the address that medianest dashboard has printed.\n' : 'Refused.\n');
    return;
  }
  const drawn = await draw(asked.range);
  response.writeHead(200, { ...headers, 'Content-Type': 'text/html; charset=utf-8' });
  response.end(request.method === 'HEAD' ? undefined : asked.page === 'part' ? drawn.part : dashboardPage({ ...drawn, nonce }));
}
