import * as z from 'zod';
import { cpus, memory, size } from '../../../settings/fields.ts';
import { defineService } from '../../../stack/service.ts';
import {
  type ElasticsearchUser,
  elasticsearchListen,
  elasticsearchPassword,
  type FullComponent,
  hasFull,
  LOG_INDICES,
} from '../../shared/full.ts';
import { fullPart, published } from './published.ts';

/** Besides the heap: buffers for files and the network, threads, the program. */
const BESIDE_HEAP = 600 * 1024 ** 2;

const settings = z
  .strictObject({
    heap: size('1g', '512m').describe('Memory for its heap; half of `memory` at most, because the other half caches files'),
    memory: memory('2560m').describe('Memory limit of the container'),
    cpus: cpus(2).describe('Processors that the container may use at most; never more than the host has'),
    mmap: z
      .boolean()
      .default(true)
      .describe(
        'It maps its files into memory, for which the host needs vm.max_map_count=262144; `false` is slower, and works where that cannot be set',
      ),
  })
  .superRefine(({ heap, memory: limit }, context) => {
    if (heap > limit / 2)
      context.addIssue({ code: 'custom', path: ['heap'], message: 'should be half of `elasticsearch.memory` at most', input: heap });
  });

/** Its users, for whom they are there, and their roles: our own (templates/elasticsearch/config/roles.yml), and two that come with Elasticsearch. */
const USERS: readonly { name: ElasticsearchUser; role: string; of?: FullComponent }[] = [
  { name: 'admin', role: 'kibana_admin,medianest-read' },
  { name: 'kibana-server', role: 'kibana_system', of: 'kibana' },
  { name: 'grafana', role: 'medianest-read', of: 'grafana' },
  { name: 'logs', role: 'medianest-write' },
];

export const elasticsearch = defineService({
  ...fullPart,
  name: 'elasticsearch',
  key: 'elasticsearch',
  summary: 'Elasticsearch: keeps the logs of all containers, for Kibana and Grafana',
  settings,
  build: (own, input) => {
    const users = USERS.filter(({ of }) => of === undefined || hasFull(input, of)).map(({ name, role }) => ({
      name,
      role,
      secret: elasticsearchPassword(name).name,
    }));
    return [
      published(
        'elasticsearch',
        {
          uid: 10031,
          mounts: [{ source: 'elasticsearch-data', target: '/var/lib/elasticsearch', kind: 'volume', readOnly: false, ofUser: true }],
          secrets: users.map(({ name }) => elasticsearchPassword(name)),
          view: {
            ...elasticsearchListen(input),
            heapMiB: Math.floor(own.heap / 1024 ** 2),
            mmap: own.mmap,
            users,
            indices: LOG_INDICES,
          },
          memoryBytes: own.memory,
          restingBytes: own.heap + BESIDE_HEAP,
          cpus: own.cpus,
          // Its thread pools grow with what is asked.
          pids: 2048,
          keeps: {
            '/var/lib/elasticsearch': 'the logs',
            '/tmp': 'native libraries that it unpacks and maps at its start',
            '/run': 'its configuration with the users, which it writes itself at each start',
          },
          after: [],
          ...(own.mmap && {
            kernel: [
              {
                setting: 'vm.max_map_count',
                atLeast: 262_144,
                why: 'Elasticsearch maps its files into memory (or set `elasticsearch.mmap: false`)',
                must: true,
              },
            ],
          }),
          interruption: 'about a minute: logs wait in the shipper',
          without: 'search in logs (Elasticsearch and Kibana)',
        },
        input,
      ),
    ];
  },
});
