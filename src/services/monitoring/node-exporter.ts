import { defineService } from '../../stack/service.ts';
import { exporter, exporterPart } from './exporter.ts';

const PORT = 9100;
/** Files that commands write (project/write-metrics.ts). */
const METRICS = '/srv/metrics';

export const nodeExporter = defineService({
  ...exporterPart,
  name: 'node-exporter',
  summary: 'node-exporter: the host’s disks, memory and processors, and what medianest itself measures',
  build: (own, input) => [
    exporter(
      {
        name: 'node-exporter',
        uid: 10021,
        port: PORT,
        healthPath: '/',
        // Disks are measured where they are mounted. It reads no file there: it is no root, and has no capability.
        mounts: [
          { source: '/', target: '/host', kind: 'bind', readOnly: true },
          { source: './metrics', target: METRICS, kind: 'bind', readOnly: true },
        ],
        metrics: [{ job: 'node', network: 'monitoring', port: PORT, keep: '(node|medianest)_.*' }],
        view: { metrics: METRICS },
      },
      own,
      input,
    ),
  ],
});
