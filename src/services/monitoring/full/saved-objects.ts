import type { JsonObject } from '../../../core/json.ts';
import { LOG_INDICES } from '../../shared/full.ts';

/** Fixed for ever: saved searches name it, and a second import replaces the first. */
const DATA_VIEW = 'medianest-logs';

const SEARCHES: readonly { id: string; title: string; description: string; query: string; columns: readonly string[] }[] = [
  {
    id: 'medianest-errors',
    title: 'Errors',
    description: 'Lines of all containers that report an error',
    query: 'level: ("error" or "fatal" or "critical")',
    columns: ['service', 'replica', 'message'],
  },
  {
    id: 'medianest-warnings',
    title: 'Warnings and errors',
    description: 'Lines of all containers from `warn` on',
    query: 'level: ("warn" or "warning" or "error" or "fatal" or "critical")',
    columns: ['service', 'level', 'message'],
  },
  {
    id: 'medianest-edge',
    title: 'Requests at the edge',
    description: 'One line for each request of a visitor',
    query: 'service: "edge"',
    columns: ['message', 'correlationId', 'traceId'],
  },
  {
    id: 'medianest-application',
    title: 'Application',
    description: 'What the replicas of the application say',
    query: 'service: app*',
    columns: ['service', 'level', 'message', 'correlationId'],
  },
  {
    id: 'medianest-database',
    title: 'Database',
    description: 'Lines of the database and of what routes and elects in front of it',
    query: 'service: (postgres* or etcd* or db-router*)',
    columns: ['service', 'level', 'message'],
  },
  {
    id: 'medianest-traced',
    title: 'Lines with a trace',
    description: 'Add `and traceId: "..."` for all lines of one request',
    query: 'traceId: *',
    columns: ['service', 'message', 'traceId'],
  },
];

const reference = { id: DATA_VIEW, type: 'index-pattern' };

/**
 * Kibana’s data view and saved searches, as `POST /api/saved_objects/_import` takes them: one JSON object a line
 * (elastic.co/docs/api/doc/kibana, "Import saved objects").
 */
export function savedObjects(): string {
  const dataView: JsonObject = {
    id: DATA_VIEW,
    type: 'index-pattern',
    attributes: { title: LOG_INDICES, name: 'Logs of the stack', timeFieldName: '@timestamp', allowNoIndex: true },
    references: [],
  };
  const searches = SEARCHES.map(({ id, title, description, query, columns }): JsonObject => {
    const source = { query: { query, language: 'kuery' }, filter: [], indexRefName: 'kibanaSavedObjectMeta.searchSourceJSON.index' };
    return {
      id,
      type: 'search',
      attributes: {
        title,
        description,
        columns: [...columns],
        sort: [['@timestamp', 'desc']],
        kibanaSavedObjectMeta: { searchSourceJSON: JSON.stringify(source) },
      },
      references: [{ ...reference, name: 'kibanaSavedObjectMeta.searchSourceJSON.index' }],
    };
  });
  return [dataView, ...searches].map((object) => `${JSON.stringify(object)}\n`).join('');
}
