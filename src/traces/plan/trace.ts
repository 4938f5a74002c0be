import { type LogLine, traceOf } from '../../logs/plan/log-line.ts';

/** 32 hex digits that are not all zero (W3C Trace Context); lower case, as every log has it. */
export const isTraceId = (text: string): boolean => /^(?!0{32})[0-9a-f]{32}$/.test(text);

/**
 * The page of a trace.
 * @param url `traces.url`: with `{id}` in it, or the address of a Jaeger
 */
export const traceUrl = (url: string | undefined, id: string): string | undefined =>
  url === undefined ? undefined : url.includes('{id}') ? url.replaceAll('{id}', id) : `${url.replace(/\/+$/, '')}/trace/${id}`;

/** Whether a line was written for the request of this trace: by its field, not because it quotes the id. */
export const isOfTrace = ({ fields }: LogLine, id: string): boolean => traceOf(fields) === id;

/** In the order of time, whatever service wrote them. */
export const inOrder = (lines: readonly LogLine[]): LogLine[] =>
  [...lines].sort((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
