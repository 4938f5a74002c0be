import { createHash } from 'node:crypto';
import type { LogDocument } from './document.ts';

type Value = { stringValue: string } | { intValue: string };

/** A span in the JSON of OTLP (opentelemetry.io/docs/specs/otlp, "JSON Protobuf Encoding"): ids in hexadecimal, 64-bit numbers as texts. */
export interface OtlpSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  /** 2: server. */
  kind: 2;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: Value }[];
  /** 2: error. */
  status?: { code: 2 };
}

/** A span and the service that it is of. */
export interface ServiceSpan {
  service: 'edge' | 'balancer';
  span: OtlpSpan;
}

const TRACE = /^(?!0{32})[0-9a-f]{32}$/;
const SPAN = /^(?!0{16})[0-9a-f]{16}$/;
/** What the engine still had when the agent first saw it is no news. */
const OLD_MS = 600_000;
const DAY_MS = 86_400_000;

/**
 * The span that a line of the edge or of the balancer tells of; undefined for any other line, and for what is not kept: a request that is
 * neither sampled, nor slow, nor failed (services/shared/traces.ts). The balancer logs what failed alone.
 * @param slowMs from when on a request is slow @param now milliseconds since 1970
 */
export function spanOf(document: LogDocument, slowMs: number, now: number): ServiceSpan | undefined {
  const { service, traceId, fields } = document;
  if ((service !== 'edge' && service !== 'balancer') || !fields || traceId === undefined || !TRACE.test(traceId)) return undefined;
  const took = service === 'edge' ? numberOf(fields.seconds) * 1000 : numberOf(fields.milliseconds);
  const end = service === 'edge' ? numberOf(fields.ended) * 1000 : Date.parse(document['@timestamp']);
  const status = numberOf(fields.status);
  if (!(took >= 0 && took < DAY_MS) || !(Math.abs(now - end) < OLD_MS)) return undefined;
  const failed = status >= 500;
  if (!failed && took < slowMs && fields.sampled !== '01') return undefined;
  const first = traceId.slice(0, 16);
  // Of a trace that began at the edge, the span that others name as their parent; of one that a proxy has begun, one below that proxy’s.
  const told = service === 'edge' && typeof fields.span === 'string' && SPAN.test(fields.span) ? fields.span : first;
  const isRoot = service === 'edge' && told === first;
  return {
    service,
    span: {
      traceId,
      spanId: isRoot ? first : idOf(document),
      ...(!isRoot && { parentSpanId: told }),
      name: typeof fields.method === 'string' ? fields.method : 'HTTP',
      kind: 2,
      startTimeUnixNano: nanoseconds(end - took),
      endTimeUnixNano: nanoseconds(end),
      attributes: attributesOf(document, fields),
      ...(failed && { status: { code: 2 } as const }),
    },
  };
}

/** Names of fields -> OpenTelemetry's names (semantic conventions for HTTP), or medianest's own. Nothing of the visitor is among them. */
const TEXTS: Readonly<Record<string, string>> = {
  method: 'http.request.method',
  path: 'url.path',
  cache: 'medianest.cache',
  replica: 'medianest.replica',
  termination: 'medianest.termination',
  upstreamStatus: 'medianest.upstream_status',
};

function attributesOf({ correlationId }: LogDocument, fields: Readonly<Record<string, unknown>>): OtlpSpan['attributes'] {
  const status = numberOf(fields.status);
  const texts = Object.entries(TEXTS).flatMap(([field, key]) => {
    const value = fields[field];
    return typeof value === 'string' && value !== '' ? [{ key, value: { stringValue: value } }] : [];
  });
  return [
    ...texts,
    ...(Number.isSafeInteger(status) ? [{ key: 'http.response.status_code', value: { intValue: String(status) } }] : []),
    ...(correlationId === undefined ? [] : [{ key: 'medianest.correlation_id', value: { stringValue: correlationId } }]),
  ];
}

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : Number.NaN);

const nanoseconds = (ms: number): string => `${BigInt(Math.round(ms * 1000)) * 1000n}`;

/** Of the same line always the same. */
const idOf = ({ id }: LogDocument): string => createHash('sha256').update(id).digest('hex').slice(0, 16);

/** The body of `POST /v1/traces`. */
export const exportBody = (project: string, spans: readonly ServiceSpan[]): string =>
  JSON.stringify({
    resourceSpans: (['edge', 'balancer'] as const).flatMap((service) => {
      const own = spans.filter((entry) => entry.service === service).map(({ span }) => span);
      if (own.length === 0) return [];
      const name = { key: 'service.name', value: { stringValue: `${project}-${service}` } };
      return [{ resource: { attributes: [name] }, scopeSpans: [{ scope: { name: 'medianest-agent' }, spans: own }] }];
    }),
  });
