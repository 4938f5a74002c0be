import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { run } from '../cli.ts';
import { background } from '../stack.ts';
import { type Outside, outside } from './outside.ts';

/** What a server there was asked. */
export interface Seen {
  port: number;
  host: string;
  token: string | undefined;
}

/** Another machine with a Plex, an Uptime Kuma, a server with a certificate, and a name server that knows its name. */
export interface FarWorld extends Outside {
  address: string;
  name: string;
  plex: number;
  kuma: number;
  tls: number;
  /** In PEM, signed by itself. */
  certificate: string;
  seen(): Promise<Seen[]>;
  /** The names that the name server was asked for. */
  asked(): Promise<string[]>;
}

const [NAME, PLEX, KUMA, TLS] = ['plex.egress.test', 32400, 3001, 5056] as const;

/** It writes a line of JSON for each question into its folder, and ends with the test that has started it. */
const servers = (dir: string, address: string) => `
  const fs = require('node:fs');
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 1000);
  const note = (file, entry) => fs.appendFileSync(${JSON.stringify(dir)} + '/' + file, JSON.stringify(entry) + '\\n');
  const serve = (port) => (request, answer) => {
    note('seen', { port, host: request.headers.host, token: request.headers['x-plex-token'] });
    answer.setHeader('content-type', 'application/json');
    answer.end('{"MediaContainer":{"version":"1.2.3"},"version":"1.2.3"}');
  };
  const dns = require('node:dgram').createSocket('udp4');
  dns.on('message', (query, from) => {
    const labels = [];
    let at = 12;
    while (query[at]) { labels.push(query.toString('latin1', at + 1, at + 1 + query[at])); at += query[at] + 1; }
    const name = labels.join('.').toLowerCase();
    const isA = query.readUInt16BE(at + 1) === 1;
    note('asked', name);
    const question = query.subarray(12, at + 5);
    const known = name === '${NAME}';
    const found = known && isA;
    const head = Buffer.from([query[0], query[1], 0x85, known ? 0x80 : 0x83, 0, 1, 0, found ? 1 : 0, 0, 0, 0, 0]);
    const record = found ? Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, ${address.split('.').join(', ')}]) : Buffer.alloc(0);
    dns.send(Buffer.concat([head, question, record]), from.port, from.address);
  });
  const pair = { cert: fs.readFileSync(${JSON.stringify(dir)} + '/cert.pem'), key: fs.readFileSync(${JSON.stringify(dir)} + '/key.pem') };
  const listening = [
    (done) => require('node:http').createServer(serve(${PLEX})).listen(${PLEX}, '0.0.0.0', done),
    (done) => require('node:http').createServer(serve(${KUMA})).listen(${KUMA}, '0.0.0.0', done),
    (done) => require('node:https').createServer(pair, serve(${TLS})).listen(${TLS}, '0.0.0.0', done),
    (done) => dns.bind(53, '0.0.0.0', done),
  ];
  Promise.all(listening.map((start) => new Promise((resolve) => start(resolve)))).then(() => console.log('ready'));`;

export async function farWorld(): Promise<FarWorld> {
  const world = await outside();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-far-'));
  const [address = ''] = world.server.split(':');
  const files = ['-keyout', path.join(dir, 'key.pem'), '-out', path.join(dir, 'cert.pem')];
  const names = ['-subj', `/CN=${NAME}`, '-addext', `subjectAltName=DNS:${NAME}`];
  const options = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const made = await run('openssl', ['req', ...options, ...files, ...names]);
  if (made.status !== 0) throw new Error(made.stderr);
  for (const file of ['seen', 'asked']) writeFileSync(path.join(dir, file), '');
  const argv = ['netns', 'exec', world.namespace, process.execPath, '-e', servers(dir, address)];
  const started = await background('ip', argv, /ready/);
  const lines = <T>(file: string): T[] =>
    readFileSync(path.join(dir, file), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as T);
  return {
    ...world,
    ...{ address, name: NAME, plex: PLEX, kuma: KUMA, tls: TLS },
    certificate: readFileSync(path.join(dir, 'cert.pem'), 'utf8'),
    seen: async () => lines('seen'),
    asked: async () => lines('asked'),
    destroy: async () => {
      await started.stop();
      await world.destroy();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
