import * as z from 'zod';
import { isLoopback } from '../core/url-host.ts';
import { httpUrl, secret } from './fields.ts';

/** A share that nginx takes as a percentage with two decimals. */
const share = z
  .number('should be a number from 0 to 1')
  .min(0, 'should be a number from 0 to 1')
  .max(1, 'should be a number from 0 to 1')
  .refine((value) => Number((value * 10_000).toFixed(6)) % 1 === 0, 'should have at most four decimals, such as 0.0125');

/** Where traces go, and which of them. */
export const traceSettings = z.strictObject({
  endpoint: httpUrl()
    .refine((url) => url === undefined || !URL.canParse(url) || !isLoopback(new URL(url).hostname), {
      error: 'is the container itself: give the name or the address that this host has in its network',
    })
    .refine((url) => url === undefined || !/^\w+:\/\/[^/]*@|[?#]/.test(url), {
      error: 'should have no user, password or query in it: keys go into `traces.headers`',
    })
    .describe(
      'Where traces are sent by OTLP over HTTP: a collector, Jaeger or Tempo, such as http://jaeger.lan:4318; without it there are none',
    ),
  headers: secret().describe(
    'Headers that it asks for, as OTEL_EXPORTER_OTLP_HEADERS has them: `authorization=Bearer%20KEY,x-tenant=home`',
  ),
  sample: share
    .default(0.1)
    .describe('Share of the requests whose traces are kept; the portal keeps those that fail or are slow whatever this says'),
  slowMs: z.int().min(1).max(3_600_000).default(1000).describe('Milliseconds from which on a request is slow'),
  fromProxies: z
    .boolean()
    .default(false)
    .describe(
      'A trace that a proxy of `edge.trustedProxies` has begun is continued: only for proxies that drop the `traceparent` of their clients',
    ),
  url: z
    .url({ protocol: /^https?$/, error: 'should be an address such as http://jaeger.lan:16686' })
    .optional()
    .describe('Where you look at traces: Jaeger’s address, or the address of a trace with `{id}` in it; `medianest trace` prints it'),
});
