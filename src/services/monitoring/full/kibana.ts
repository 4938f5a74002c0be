import * as z from 'zod';
import { cpus, memory } from '../../../settings/fields.ts';
import { defineService } from '../../../stack/service.ts';
import { pageAt } from '../../edge/edge-links.ts';
import { KIBANA_COOKIE } from '../../edge/settings/tool-pages.ts';
import { elasticsearchPassword, logStore, PAGE_PORTS } from '../../shared/full.ts';
import { MONITORING_HOSTS } from '../../shared/monitoring.ts';
import { fullPart, published } from './published.ts';
import { savedObjects } from './saved-objects.ts';

const ADMIN = elasticsearchPassword('admin');
const OWN = elasticsearchPassword('kibana-server');
const KEY = { name: 'kibana-key', source: { generate: true } } as const;

/** Its settings that hold secrets, as a second file that it reads (`--config` may be given several times). */
const SETTINGS = {
  name: 'kibana-settings',
  source: {
    format: `elasticsearch.password: "{${OWN.name}}"
xpack.security.encryptionKey: "{${KEY.name}}"
xpack.encryptedSavedObjects.encryptionKey: "{${KEY.name}}"
xpack.reporting.encryptionKey: "{${KEY.name}}"
`,
  },
};

const settings = z.strictObject({
  memory: memory('1280m').describe('Memory limit of the container'),
  cpus: cpus(1).describe('Processors that the container may use at most; never more than the host has'),
});

export const kibana = defineService({
  ...fullPart,
  name: 'kibana',
  key: 'kibana',
  summary: 'Kibana: the page for searching in logs',
  settings,
  build: (own, input) => {
    const store = logStore(input, 'kibana-server');
    if (!store) return [];
    const address = input.address('monitoring', MONITORING_HOSTS.kibana);
    const port = PAGE_PORTS.kibana;
    const at = pageAt('kibana', input);
    return [
      published(
        'kibana',
        {
          uid: 10032,
          mounts: [],
          secrets: [SETTINGS, OWN, KEY, ADMIN],
          environment: { NODE_OPTIONS: `--max-old-space-size=${Math.floor((own.memory * 0.65) / 1024 ** 2)}` },
          view: {
            address,
            port,
            path: at?.path ?? '',
            url: at?.url ?? null,
            cookie: KIBANA_COOKIE,
            store: store.url,
            user: store.user,
            admin: ADMIN.name,
            settings: SETTINGS.name,
          },
          files: { 'saved-objects.ndjson': savedObjects() },
          page: { address, port, ...(at && { path: at.path }), user: 'admin', secret: ADMIN.name },
          memoryBytes: own.memory,
          restingBytes: Math.min(own.memory, 700 * 1024 ** 2),
          cpus: own.cpus,
          keeps: {
            '/tmp': 'its identity and what it caches: nothing lasting, saved searches are in Elasticsearch',
            '/run': 'whether the saved searches were imported',
          },
          after: ['elasticsearch'],
          needs: ['elasticsearch'],
          interruption: 'about a minute: nothing but its page',
          without: 'page for searching in logs (Kibana)',
        },
        input,
      ),
    ];
  },
});
