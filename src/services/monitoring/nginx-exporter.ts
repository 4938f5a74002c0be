import { defineService } from '../../stack/service.ts';
import { NGINX_EXPORTER, STATUS_PORT } from '../shared/monitoring.ts';
import { asked, exporter, exporterPart } from './exporter.ts';

export const nginxExporter = defineService({
  ...exporterPart,
  name: 'nginx-exporter',
  summary: 'nginx-exporter: connections and requests of the edge',
  build: (own, input) => {
    const [edge] = asked('nginx-exporter', input.built);
    if (!edge) return [];
    const { host } = edge.service;
    return [
      exporter(
        {
          name: 'nginx-exporter',
          uid: 10025,
          port: NGINX_EXPORTER.port,
          healthPath: '/',
          view: { status: `http://${input.address('monitoring', host)}:${STATUS_PORT}/stub_status` },
        },
        own,
        input,
      ),
    ];
  },
});
