// Elasticsearch, for those that only ask whether it is there: it wants to know who asks.
import { readFileSync } from 'node:fs';
import http from 'node:http';

const text = readFileSync(`${process.env.ES_PATH_CONF}/elasticsearch.yml`, 'utf8');
const [, host] = /^(?:network|http)\.host: *"?([\d.]+)"?/m.exec(text);
http
  .createServer((_request, response) => response.writeHead(401, { 'content-type': 'application/json' }).end('{"status":401}'))
  .listen(9200, host);
process.on('SIGTERM', () => process.exit(0));
