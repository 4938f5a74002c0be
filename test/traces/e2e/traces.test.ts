import os from 'node:os';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type OtlpReceiver, otlpReceiver } from '../../support/otlp-receiver.ts';
import { parsed, portal, ready } from '../../support/stack.ts';
import { type Workspace, workspace } from '../../support/workspace.ts';

interface Traced {
  trace: string;
  url: string;
  lines: { service: string; fields: Record<string, string> }[];
}

let space: Workspace;
let receiver: OtlpReceiver;

beforeAll(async () => {
  // Outside the stack, as containers see it: an address of this host.
  const addresses = Object.values(os.networkInterfaces()).flatMap((list) => list ?? []);
  const address = addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address as string;
  receiver = await otlpReceiver(address);
  space = await workspace('traces');
  space.configure({
    profile: 'dev-compose',
    traces: { endpoint: receiver.endpoint, headers: 'x-key=k%3D1', sample: 1, url: 'http://jaeger.lan:16686' },
  });
  const { stderr, status } = await space.run(['up']);
  expect(stderr.slice(-2000) + String(status)).toMatch(/0$/);
  await ready(portal, space);
});
afterAll(async () => {
  await space?.destroy();
  receiver?.close();
});

const checkOf = async (id: string) =>
  (parsed<{ checks: { id: string; status: string; message: string }[] }>(await space.run(['health', '--json'])).checks ?? []).find(
    (check) => check.id === id,
  );

test('a request is one trace from the edge to the database, found from its id in the logs of all services', async () => {
  const lie = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-01`;
  const answer = await portal(space, '/api/requests', { headers: { traceparent: lie, 'x-request-id': 'traced-request-1' } });
  expect(answer.status).toBe(200);
  const server = await vi.waitFor(
    () => {
      const found = receiver.spans.find(({ attributes }) => attributes['medianest.correlation_id'] === 'traced-request-1');
      if (!found) throw new Error('the span did not arrive');
      return found;
    },
    { timeout: 15_000, interval: 200 },
  );
  expect(server.traceId).not.toBe('1'.repeat(32));
  expect(server.parent).toBe(server.traceId.slice(0, 16));
  const query = receiver.spans.find(({ parent }) => parent === server.spanId);
  expect(query).toMatchObject({ traceId: server.traceId, name: 'SELECT requests', attributes: { 'db.system.name': 'postgresql' } });
  expect(server.resource).toMatchObject({
    'service.name': space.project,
    'service.instance.id': 'app-1',
    'deployment.environment.name': 'dev-compose',
  });
  expect(receiver.headers[0]).toMatchObject({ 'x-key': 'k=1' });
  expect(receiver.faults).toEqual([]);

  // The edge writes its lines within a second.
  const found = await vi.waitFor(
    async () => {
      const shown = parsed<Traced>(await space.run(['trace', server.traceId, '--json']));
      expect(shown.lines.map(({ service }) => service).sort()).toEqual(['app-1', 'edge']);
      return shown;
    },
    { timeout: 15_000, interval: 1000 },
  );
  expect(found.url).toBe(`http://jaeger.lan:16686/trace/${server.traceId}`);
  expect(found.lines.map(({ fields }) => fields.correlationId ?? fields.requestId)).toEqual(['traced-request-1', 'traced-request-1']);
  const text = await space.run(['trace', server.traceId]);
  expect(text.stdout).toMatch(/edge .*GET \/api\/requests 200/);
  expect(text.stdout.trim().split('\n').at(-1)).toBe(found.url);

  const none = await space.run(['trace', 'f'.repeat(32)]);
  expect([none.status, none.stdout]).toEqual([1, expect.stringContaining('no service has logged trace')]);
  expect((await space.run(['trace', 'nonsense'])).status).toBe(2);
});

test('health says whether the collector takes traces, and status where they go', async () => {
  expect(await checkOf('traces.collector')).toMatchObject({ status: 'ok' });
  receiver.manner = 403;
  expect(await checkOf('traces.collector')).toMatchObject({ status: 'warn', message: expect.stringContaining('answers 403') });
  receiver.manner = 'hangs';
  expect(await checkOf('traces.collector')).toMatchObject({ status: 'warn', message: expect.stringContaining('does not answer') });
  expect((await portal(space, '/api/requests')).status).toBe(200);
  expect((await space.run(['status'])).stdout).toContain(`errors and slow ones go to ${receiver.endpoint}`);
});
