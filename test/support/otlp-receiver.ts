import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import root from '@opentelemetry/otlp-transformer/build/src/generated/root.js';

// The wire format is OTLP's own, as OpenTelemetry's protobuf definitions generate it: what the portal has serialized is decoded by
// another program than the one that has written it.

interface Value {
  stringValue?: string;
  boolValue?: boolean;
  intValue?: number | { toString(): string };
  doubleValue?: number;
}
interface KeyValue {
  key: string;
  value: Value;
}
interface RawSpan {
  traceId: Uint8Array;
  spanId: Uint8Array;
  parentSpanId?: Uint8Array;
  name: string;
  kind: number;
  startTimeUnixNano: { toString(): string };
  endTimeUnixNano: { toString(): string };
  attributes: KeyValue[];
  status?: { code?: number };
}
interface Request {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { scope: { name: string }; spans: RawSpan[] }[] }[];
}
interface Type<T> {
  decode(bytes: Uint8Array): T;
  verify(message: T): string | null;
  encode(message: T): { finish(): Uint8Array };
}

const service = (root as unknown as { opentelemetry: { proto: { collector: { trace: { v1: Record<string, Type<object>> } } } } })
  .opentelemetry.proto.collector.trace.v1;
const EXPORT = service.ExportTraceServiceRequest as unknown as Type<Request>;
const ANSWER = service.ExportTraceServiceResponse as Type<object>;

const KINDS = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;

export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  /** Undefined for a root. */
  parent: string | undefined;
  name: string;
  kind: (typeof KINDS)[number];
  /** Nanoseconds since 1970. */
  start: bigint;
  end: bigint;
  failed: boolean;
  attributes: Record<string, string | number | boolean>;
  resource: Record<string, string | number | boolean>;
}

/** What it does with an export: takes it, says no with a status, or never answers. */
export type Manner = 'takes' | 'hangs' | number;

export interface OtlpReceiver {
  /** As OTEL_EXPORTER_OTLP_ENDPOINT has it. */
  endpoint: string;
  manner: Manner;
  /** Of every export that it took. */
  spans: ReceivedSpan[];
  headers: IncomingHttpHeaders[];
  /** Exports that came, taken or not. */
  requests: number;
  /** What is wrong with what came: each is a fault of the sender. */
  faults: string[];
  close(): void;
}

const attributesOf = (list: readonly KeyValue[]) => Object.fromEntries(list.map(({ key, value }) => [key, plain(value)]));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function plain({ stringValue, boolValue, intValue, doubleValue }: Value): string | number | boolean {
  if (intValue !== undefined && intValue !== null) return Number(intValue.toString());
  return stringValue ?? boolValue ?? (doubleValue as number);
}

function faultsOf({ traceId, spanId, parentSpanId, name, kind, startTimeUnixNano, endTimeUnixNano }: RawSpan, now: bigint): string[] {
  const [start, end] = [BigInt(startTimeUnixNano.toString()), BigInt(endTimeUnixNano.toString())];
  const minute = 60_000_000_000n;
  return [
    ...(/^(?!0{32})[0-9a-f]{32}$/.test(hex(traceId)) ? [] : [`trace id ${hex(traceId)}`]),
    ...(/^(?!0{16})[0-9a-f]{16}$/.test(hex(spanId)) ? [] : [`span id ${hex(spanId)}`]),
    ...([0, 8].includes(parentSpanId?.length ?? 0) ? [] : [`parent ${hex(parentSpanId as Uint8Array)}`]),
    ...(name ? [] : ['a span without a name']),
    ...(KINDS[kind] === undefined || kind === 0 ? [`kind ${kind} of ${name}`] : []),
    ...(start <= end ? [] : [`${name} ends before it starts`]),
    ...(start > now - minute && end < now + minute ? [] : [`${name} was at another time: ${start} to ${end}`]),
  ];
}

/** A collector of traces: OTLP over HTTP in its binary form. @param host its address; containers reach none of loopback */
export async function otlpReceiver(host = '127.0.0.1'): Promise<OtlpReceiver> {
  const sockets = new Set<Socket>();
  const receiver: OtlpReceiver = {
    endpoint: '',
    manner: 'takes',
    spans: [],
    headers: [],
    requests: 0,
    faults: [],
    close: () => {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
  const take = (body: Buffer) => {
    const message = EXPORT.decode(body);
    const wrong = EXPORT.verify(message);
    if (wrong) receiver.faults.push(wrong);
    // What the definitions do not know is lost when it is encoded again.
    if (EXPORT.encode(message).finish().length !== body.length) receiver.faults.push('fields that OTLP does not know');
    const now = BigInt(Date.now()) * 1_000_000n;
    for (const { resource, scopeSpans } of message.resourceSpans) {
      for (const raw of scopeSpans.flatMap(({ spans }) => spans)) {
        receiver.faults.push(...faultsOf(raw, now));
        receiver.spans.push({
          traceId: hex(raw.traceId),
          spanId: hex(raw.spanId),
          parent: raw.parentSpanId?.length ? hex(raw.parentSpanId) : undefined,
          name: raw.name,
          kind: KINDS[raw.kind] ?? 'unspecified',
          start: BigInt(raw.startTimeUnixNano.toString()),
          end: BigInt(raw.endTimeUnixNano.toString()),
          failed: raw.status?.code === 2,
          attributes: attributesOf(raw.attributes),
          resource: attributesOf(resource.attributes),
        });
      }
    }
  };
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    receiver.requests++;
    receiver.headers.push(request.headers);
    if (request.method !== 'POST' || request.url !== '/v1/traces') receiver.faults.push(`${request.method} ${request.url}`);
    if (request.headers['content-type'] !== 'application/x-protobuf') receiver.faults.push(`type ${request.headers['content-type']}`);
    if (receiver.manner === 'hangs') return;
    if (typeof receiver.manner === 'number') return void response.writeHead(receiver.manner).end();
    take(Buffer.concat(parts));
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end(ANSWER.encode({}).finish());
  }).listen(0, host);
  server.on('connection', (socket) => sockets.add(socket.on('close', () => sockets.delete(socket))));
  await once(server, 'listening');
  receiver.endpoint = `http://${host}:${(server.address() as AddressInfo).port}`;
  return receiver;
}
