import { readFileSync } from 'node:fs';
import http, { type IncomingMessage, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';

/** What it answers in place of what it would: by the request's path and length, or for single documents. */
export interface Trouble {
  /** Status and body for a request; undefined: none. */
  answer?: (path: string, bytes: number) => { status: number; body: string } | undefined;
  /** Status of a document; undefined: as it should be. */
  item?: (document: Record<string, unknown>) => number | undefined;
  /** Requests are neither answered nor ended. */
  hangs?: boolean;
}

interface Mapping {
  type: string;
  ignore_above?: number;
  index?: boolean;
  doc_values?: boolean;
}

/**
 * What Elasticsearch does with `_ilm/policy`, `_index_template`, `_data_stream` and `_bulk`, strictly: a template may only name a policy
 * that is there, a data stream needs a template that matches it and says so, and every document is checked by the mappings. What it
 * does not know it refuses. It stands for the real one, which no test can pull (docs/logs.md says what was not run).
 */
export class ElasticsearchDouble {
  /** `_id` -> document, of all data streams. */
  readonly documents = new Map<string, Record<string, unknown>>();
  /** `_id` -> the data stream that a document is in. */
  readonly streamOf = new Map<string, string>();
  /** Method and path of all requests, in their order. */
  readonly requests: string[] = [];
  /** How often a document came that was there. */
  conflicts = 0;
  trouble: Trouble = {};
  authorization: string | undefined;
  private readonly policies = new Set<string>();
  /** Pattern -> fields. */
  private readonly templates = new Map<string, Record<string, Mapping>>();
  private readonly streams = new Set<string>();
  private server: http.Server | undefined;

  /** @param tls files of a key and a certificate */
  async listen(port = 0, tls?: { key: string; cert: string }): Promise<number> {
    const answer = (request: IncomingMessage, response: ServerResponse) => void this.answer(request, response);
    this.server = tls
      ? https.createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }, answer)
      : http.createServer(answer);
    await new Promise<void>((resolve) => this.server?.listen(port, '0.0.0.0', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.server?.closeAllConnections();
    await new Promise((resolve) => (this.server ? this.server.close(resolve) : resolve(undefined)));
    this.server = undefined;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '' } = request;
    this.requests.push(`${method} ${url}`);
    if (this.trouble.hangs) return;
    const { status, body } = this.judge(request, Buffer.concat(chunks).toString());
    response.writeHead(status, { 'content-type': 'application/json', 'X-Elastic-Product': 'Elasticsearch' }).end(body);
  }

  private judge({ method, url = '', headers }: IncomingMessage, body: string): { status: number; body: string } {
    const troubled = this.trouble.answer?.(url, Buffer.byteLength(body));
    if (troubled) return troubled;
    if (this.authorization !== undefined && headers.authorization !== this.authorization)
      return failure(401, 'security_exception', 'unable to authenticate');
    const [, kind, name] = /^\/(_ilm\/policy|_index_template|_data_stream)\/([a-z0-9_.-]+)$/.exec(url) ?? [];
    if (method === 'PUT' && kind && name) {
      if (body !== '' && !headers['content-type']?.startsWith('application/json'))
        return failure(406, 'media_type_header_exception', 'Content-Type');
      if (kind === '_ilm/policy') return this.putPolicy(name, JSON.parse(body));
      if (kind === '_index_template') return this.putTemplate(JSON.parse(body));
      return this.putStream(name, body);
    }
    const target = /^\/([a-z0-9_.-]+)\/_bulk$/.exec(url)?.[1];
    if (method !== 'POST' || !target) return failure(405, 'illegal_argument_exception', `no handler found for uri [${url}]`);
    if (!/^application\/(x-ndjson|json)$/.test(headers['content-type'] ?? ''))
      return failure(406, 'media_type_header_exception', 'Content-Type');
    return this.bulk(target, body);
  }

  private putPolicy(name: string, { policy }: { policy?: { phases?: Record<string, { min_age?: string; actions: object }> } }) {
    const phases = policy?.phases ?? {};
    const wrong = Object.keys(phases).filter((phase) => !['hot', 'warm', 'cold', 'frozen', 'delete'].includes(phase));
    if (wrong.length > 0 || !phases.hot || (phases.delete && !/^\d+[dhms]$/.test(phases.delete.min_age ?? '')))
      return failure(400, 'illegal_argument_exception', 'the phases of the policy');
    this.policies.add(name);
    return ACKNOWLEDGED;
  }

  private putTemplate(body: {
    index_patterns?: string[];
    data_stream?: object;
    priority?: number;
    template?: { settings?: Record<string, unknown>; mappings?: { dynamic?: unknown; properties?: Record<string, Mapping> } };
  }) {
    const [pattern, ...more] = body.index_patterns ?? [];
    const { settings = {}, mappings } = body.template ?? {};
    const policy = settings['index.lifecycle.name'];
    if (!pattern || more.length > 0 || !body.data_stream || !mappings?.properties)
      return failure(400, 'x_content_parse_exception', 'the template is not complete');
    // logs-*-* of Elasticsearch itself has 100: with no more than that, it would be refused as ambiguous.
    if ((body.priority ?? 0) <= 100) return failure(400, 'illegal_argument_exception', 'has the same priority as [logs]');
    if (policy !== undefined && !this.policies.has(policy as string))
      return failure(400, 'illegal_argument_exception', `no policy [${policy}]`);
    if (!['date', 'date_nanos'].includes(mappings.properties['@timestamp']?.type ?? ''))
      return failure(400, 'illegal_argument_exception', 'data stream timestamp field mapping');
    for (const [field, mapping] of Object.entries(mappings.properties))
      if (!KNOWN_TYPES.includes(mapping.type))
        return failure(400, 'mapper_parsing_exception', `No handler for type [${mapping.type}] declared on field [${field}]`);
    this.templates.set(pattern, mappings.properties);
    return ACKNOWLEDGED;
  }

  private putStream(name: string, body: string) {
    if (body !== '') return failure(400, 'illegal_argument_exception', 'request does not support having a body');
    if (this.streams.has(name)) return failure(400, 'resource_already_exists_exception', `data_stream [${name}] already exists`);
    if (!this.templates.has(name))
      return failure(400, 'illegal_argument_exception', `no matching index template found for data stream [${name}]`);
    this.streams.add(name);
    return ACKNOWLEDGED;
  }

  private bulk(target: string, body: string) {
    if (!this.streams.has(target)) return failure(404, 'index_not_found_exception', `no such index [${target}]`);
    if (!body.endsWith('\n')) return failure(400, 'illegal_argument_exception', 'The bulk request must be terminated by a newline [\\n]');
    const lines = body.slice(0, -1).split('\n');
    if (lines.length % 2 !== 0) return failure(400, 'illegal_argument_exception', 'an action without its document');
    const items = [];
    for (let at = 0; at < lines.length; at += 2) {
      const action = JSON.parse(lines[at] as string) as { create?: { _id?: string; _index?: string } };
      if (Object.keys(action).join() !== 'create')
        return failure(400, 'illegal_argument_exception', 'only write ops with an op_type of create are allowed in data streams');
      const { _id = '', _index = target, ...more } = action.create ?? {};
      if (Object.keys(more).length > 0)
        return failure(400, 'illegal_argument_exception', `Action/metadata line contains an unknown parameter [${Object.keys(more)[0]}]`);
      items.push({ create: this.create(_index, _id, JSON.parse(lines[at + 1] as string) as Record<string, unknown>) });
    }
    const errors = items.some(({ create }) => 'error' in create);
    return { status: 200, body: JSON.stringify({ took: 1, errors, items }) };
  }

  private create(stream: string, id: string, document: Record<string, unknown>): { _id: string; status: number; error?: object } {
    const troubled = this.trouble.item?.(document);
    if (troubled) return { _id: id, status: troubled, error: { type: 'troubled', reason: `status ${troubled}` } };
    if (!this.streams.has(stream))
      return { _id: id, status: 404, error: { type: 'index_not_found_exception', reason: `no such index [${stream}]` } };
    if (this.streamOf.get(id) === stream) {
      this.conflicts++;
      return { _id: id, status: 409, error: { type: 'version_conflict_engine_exception', reason: 'document already exists' } };
    }
    const problem = id === '' || Buffer.byteLength(id) > 512 ? 'id' : this.mismatch(this.templates.get(stream) ?? {}, document);
    if (problem) return { _id: id, status: 400, error: { type: 'document_parsing_exception', reason: problem } };
    this.documents.set(id, document);
    this.streamOf.set(id, stream);
    return { _id: id, status: 201 };
  }

  private mismatch(properties: Record<string, Mapping>, document: Record<string, unknown>): string | undefined {
    if (typeof document['@timestamp'] !== 'string') return 'data stream timestamp field [@timestamp] is missing';
    for (const [field, value] of Object.entries(document)) {
      const mapping = properties[field];
      // `dynamic: false` would take it unseen; that a field is not searched is a fault of ours.
      if (!mapping) return `field [${field}] has no mapping`;
      if (!FITS[mapping.type]?.(value, mapping)) return `failed to parse field [${field}] of type [${mapping.type}]`;
    }
    return undefined;
  }
}

const ACKNOWLEDGED = { status: 200, body: '{"acknowledged":true}' };
const failure = (status: number, type: string, reason: string) => ({ status, body: JSON.stringify({ error: { type, reason }, status }) });

const depth = (value: unknown): number =>
  typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;

/** Lucene's longest term: a keyword without `ignore_above` that is longer is refused. */
const TERM_BYTES = 32_766;
const FITS: Record<string, (value: unknown, mapping: Mapping) => boolean> = {
  date_nanos: (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value) && !Number.isNaN(Date.parse(value)),
  keyword: (value, { ignore_above, index, doc_values }) =>
    typeof value === 'string' &&
    (ignore_above !== undefined || (index === false && doc_values === false) || Buffer.byteLength(value) <= TERM_BYTES),
  text: (value) => typeof value === 'string',
  long: (value) => Number.isSafeInteger(value),
  // Objects alone, and no deeper than `depth_limit`, which is 20 where a mapping does not say.
  flattened: (value, { ignore_above }) =>
    typeof value === 'object' && value !== null && !Array.isArray(value) && depth(value) <= 20 && ignore_above !== undefined,
};
const KNOWN_TYPES = Object.keys(FITS);
