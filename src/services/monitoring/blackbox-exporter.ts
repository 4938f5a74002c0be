import { defineService } from '../../stack/service.ts';
import { CLOSED } from '../edge/edge-metrics.ts';
import { BLACKBOX_EXPORTER } from '../shared/monitoring.ts';
import { asked, exporter, exporterPart } from './exporter.ts';

export const blackboxExporter = defineService({
  ...exporterPart,
  name: 'blackbox-exporter',
  summary: 'blackbox-exporter: asks the edge as a visitor would, and sees when its certificates expire',
  build: (own, input) => {
    const probed = asked('blackbox-exporter', input.built);
    if (probed.length === 0) return [];
    return [
      exporter(
        {
          name: 'blackbox-exporter',
          uid: 10024,
          port: BLACKBOX_EXPORTER.port,
          healthPath: '/-/healthy',
          trust: true,
          view: { closed: probed.some(({ source }) => source.params?.module?.endsWith(CLOSED)) },
        },
        own,
        input,
      ),
    ];
  },
});
