// @ts-check
import client from 'prom-client';

/** @typedef {ReturnType<typeof createMetrics>} Metrics */

export function createMetrics() {
  const registry = new client.Registry();
  client.collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    duration: new client.Histogram({
      name: 'http_request_duration_seconds',
      help: 'Time to answer, by route',
      labelNames: ['method', 'route', 'status'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    requests: new client.Counter({
      name: 'medianest_requests_total',
      help: 'Media requests that came to this status',
      labelNames: ['status'],
      registers,
    }),
    deliveries: new client.Counter({
      name: 'medianest_portal_deliveries_total',
      help: 'What was told to Overseerr and by the channels, by how it ended',
      labelNames: ['lane', 'outcome'],
      registers,
    }),
    uploadBytes: new client.Counter({ name: 'medianest_upload_bytes_total', help: 'Bytes of stored uploads', registers }),
  };
}

/**
 * @param {import('fastify').FastifyInstance} app
 * @param {Metrics} metrics
 */
export function measureRequests(app, metrics) {
  app.addHook('onResponse', async (req, reply) => {
    // The pattern, never the path: each id would become a series of its own.
    const route = req.routeOptions.url ?? 'unmatched';
    metrics.duration.observe({ method: req.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });
  app.get('/metrics', { config: { quiet: true } }, async (_req, reply) => {
    reply.type(metrics.registry.contentType).header('cache-control', 'no-store');
    return metrics.registry.metrics();
  });
}
