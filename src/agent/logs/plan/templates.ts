import { auditStream, dataStream } from './bulk.ts';

/** A request that prepares Elasticsearch for the documents. */
export interface Preparation {
  what: string;
  method: 'PUT';
  path: string;
  body: object | undefined;
  /** Answers that are as good as 200. */
  alsoGood?: (status: number, body: string) => boolean;
}

const keyword = { type: 'keyword', ignore_above: 1024 } as const;

/**
 * One type for each field that is searched; what a line of JSON has besides is one `flattened` field, so that no application can
 * make the number of fields grow, nor have a document refused because a field was a number before.
 */
const MAPPINGS = {
  dynamic: false,
  properties: {
    '@timestamp': { type: 'date_nanos' },
    id: { type: 'keyword', index: false, doc_values: false },
    service: keyword,
    replica: keyword,
    container: keyword,
    stream: keyword,
    level: keyword,
    message: { type: 'text' },
    correlationId: keyword,
    traceId: keyword,
    cutFrom: { type: 'long' },
    fields: { type: 'flattened', ignore_above: 1024 },
  },
} as const;

/**
 * The lifecycle policy, the index template and the data stream, in this order: each names the one before. All may be sent again.
 * @param days after which lines are deleted
 * @param lifecycle whether the store has taken the policy
 */
export const preparations = (project: string, days: number, lifecycle: boolean): Preparation[] =>
  streamOf(dataStream(project), `medianest-${project}`, '', { rollover: '1d', days }, lifecycle);

/** The same for the audit log: nothing deletes its lines. */
export const auditPreparations = (project: string, lifecycle: boolean): Preparation[] =>
  streamOf(auditStream(project), `medianest-${project}.audit`, ' of the audit log', { rollover: '90d' }, lifecycle);

function streamOf(
  stream: string,
  name: string,
  of: string,
  { rollover, days }: { rollover: string; days?: number },
  lifecycle: boolean,
): Preparation[] {
  return [
    {
      what: `the lifecycle policy${of}`,
      method: 'PUT',
      path: `/_ilm/policy/${name}`,
      body: {
        policy: {
          phases: {
            hot: { actions: { rollover: { max_age: rollover, max_primary_shard_size: '10gb' } } },
            ...(days !== undefined && { delete: { min_age: `${days}d`, actions: { delete: {} } } }),
          },
        },
      },
    },
    {
      what: `the index template${of}`,
      method: 'PUT',
      path: `/_index_template/${name}`,
      body: {
        index_patterns: [stream],
        data_stream: {},
        // Above the 100 of the templates for logs-*-* that Elasticsearch comes with, and the 200 of Fleet's.
        priority: 500,
        template: {
          settings: {
            'index.number_of_shards': 1,
            'index.number_of_replicas': 0,
            'index.codec': 'best_compression',
            ...(lifecycle && { 'index.lifecycle.name': name }),
          },
          mappings: MAPPINGS,
        },
        _meta: { managed_by: 'medianest' },
      },
    },
    {
      what: `the data stream${of}`,
      method: 'PUT',
      path: `/_data_stream/${stream}`,
      body: undefined,
      alsoGood: (status, body) => status === 400 && body.includes('resource_already_exists_exception'),
    },
  ];
}
