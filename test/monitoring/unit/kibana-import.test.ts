import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { CASES, load, rendered, stackOf } from '../../support/settings.ts';
import { until } from '../../support/stack.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const files = rendered(stackOf(load(CASES.full))).files;
const file = (name: string): string => files.find((entry) => entry.path === `kibana/${name}`)?.contents ?? '';

interface SavedObject {
  id: string;
  type: string;
  attributes: Record<string, unknown>;
  references: { id: string; type: string; name: string }[];
}

/** What Kibana's import refuses, by its manual ("Import saved objects") and its types of objects. @returns why; undefined where it takes them */
function refusal(request: http.IncomingMessage, body: string): string | undefined {
  const boundary = /boundary=(\S+)/.exec(request.headers['content-type'] ?? '')?.[1];
  if (request.method !== 'POST' || request.url !== '/api/saved_objects/_import?overwrite=true') return `no such path: ${request.url}`;
  if (!request.headers['kbn-xsrf']) return 'Request must contain a kbn-xsrf header.';
  if (request.headers.authorization !== `Basic ${Buffer.from('admin:s3cret').toString('base64')}`) return 'not signed in';
  const part = body.split(`--${boundary}`)[1] ?? '';
  const [head = '', ...text] = part.split('\r\n\r\n');
  if (!/name="file"; filename="[^"]+\.ndjson"/.test(head)) return 'file: expected value of type [Stream]';
  const objects = text
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SavedObject);
  const known = new Set(objects.map(({ id, type }) => `${type} ${id}`));
  if (known.size !== objects.length) return 'Non-unique import objects detected';
  for (const { id, type, attributes, references } of objects) {
    for (const reference of references) if (!known.has(`${reference.type} ${reference.id}`)) return `${id}: missing_references`;
    if (type === 'index-pattern' && !attributes.title) return `${id}: title is missing`;
    if (type !== 'search') continue;
    const { searchSourceJSON } = attributes.kibanaSavedObjectMeta as { searchSourceJSON: string };
    const source = JSON.parse(searchSourceJSON) as { indexRefName: string; query: { language: string } };
    if (!references.some(({ name }) => name === source.indexRefName)) return `${id}: no reference ${source.indexRefName}`;
    if (source.query.language !== 'kuery' || !Array.isArray(attributes.columns) || !Array.isArray(attributes.sort))
      return `${id}: not a search`;
  }
  return undefined;
}

let stop: (() => void) | undefined;
afterEach(() => stop?.());

/** Runs the script that the container runs, against a double that answers 503 so often first. */
async function imported(unready: number, password: string) {
  const refusals: (string | undefined)[] = [];
  let asked = 0;
  const server = http.createServer((request, response) => {
    let body = '';
    request.on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      asked += 1;
      if (asked <= unready) return response.writeHead(503).end('Kibana server is not ready yet');
      const refused = refusal(request, body);
      refusals.push(refused);
      response.writeHead(refused ? 400 : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(refused ? { message: refused } : { success: true, successCount: 7 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = temporaryFolder('kibana');
  const at = (name: string) => path.join(folder, name);
  writeFileSync(at('secret'), password);
  writeFileSync(at('saved-objects.ndjson'), file('saved-objects.ndjson'));
  const script = file('import.sh')
    .replace(/^url=.*$/m, `url=http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    .replace(/^secret=.*$/m, `secret=${at('secret')}`)
    .replace(/^objects=.*$/m, `objects=${at('saved-objects.ndjson')}`)
    .replace(/^imported=.*$/m, `imported=${at('imported')}`)
    .replace('sleep 3', 'sleep 0.1');
  writeFileSync(at('import.sh'), script);
  const child = spawn('bash', [at('import.sh')], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text;
  });
  stop = () => {
    child.kill('SIGKILL');
    server.close();
    server.closeAllConnections();
  };
  return { refusals, asked: () => asked, done: () => existsSync(at('imported')), said: () => said, child };
}

describe('Kibana’s data view and saved searches', () => {
  it('are put in place once Kibana is ready', async () => {
    const { refusals, asked, done, said, child } = await imported(3, 's3cret');
    await until('it has ended', () => child.exitCode !== null, 15);
    expect([refusals, asked(), done(), child.exitCode]).toEqual([[undefined], 4, true, 0]);
    expect(said()).toContain('Kibana server is not ready yet');
  });
  it('are not taken for imported where Kibana refuses them, and why is told without the password', async () => {
    const { refusals, done, said } = await imported(0, 'wrong-password');
    await until('it has tried twice', () => refusals.length > 1, 15);
    expect(done()).toBe(false);
    expect(said()).toContain('the saved searches are not imported yet: {"message":"not signed in"}');
    expect(said()).not.toContain('wrong-password');
  });
});
