import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { HOME } from '../../support/cli.ts';
import { load, rendered, stackOf } from '../../support/settings.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const SCRIPT = readFileSync(path.join(HOME, 'templates/balancer/image/reload'), 'utf8');
const PROGRAM = /awk '([^']*)' "\$new" - >\/run\/haproxy\/state/.exec(SCRIPT)?.[1] as string;
const folder = temporaryFolder('reload');

const file = 'app: { image: "x:1", tls: true }\nservices: { backend: { image: "y:1", port: 4000, paths: [/api] } }';
const { files } = rendered(stackOf(load({ file, flags: { profile: 'prod' } })));

/** A line of `show servers state`, as HAProxy has it. */
const line = (pool: string, server: string, address: string, port: number, ssl: number) =>
  `4 ${pool} 1 ${server} ${address} 2 64 1 1 9 6 3 4 6 0 0 0 - ${port} - ${ssl} 0 - 0`;

/** What the next worker of HAProxy reads, after a reload with the rendered configuration of a service. */
function stateFor(service: string, state: readonly string[]): string[] {
  const config = files.find((entry) => entry.path === `${service}/haproxy.cfg`)?.contents as string;
  const where = path.join(folder, 'haproxy.cfg');
  writeFileSync(where, config);
  return execFileSync('awk', [PROGRAM, where, '-'], { input: `${state.join('\n')}\n`, encoding: 'utf8' })
    .trimEnd()
    .split('\n');
}
const addressIn = (service: string, server: string) =>
  new RegExp(`server ${server} ([\\d.]+):`).exec(files.find((entry) => entry.path === `${service}/haproxy.cfg`)?.contents ?? '')?.[1];

it('finds replicas at the address, and speaks the protocol, that the configuration of their own pool has', () => {
  expect(stateFor('balancer', [line('app', 'app-1', '10.9.9.9', 1, 0), line('backend', 'backend-1', '10.9.9.9', 1, 1)])).toEqual([
    line('app', 'app-1', addressIn('balancer', 'app-1') as string, 3000, 1),
    line('backend', 'backend-1', addressIn('balancer', 'backend-1') as string, 4000, 0),
  ]);
});

it('leaves what the routers know of their servers as it is, whose lines have the same names in several backends', () => {
  const state = ['leader', 'replicas'].map((pool) => line(pool, 'postgres-1', addressIn('db-router', 'postgres-1') as string, 5432, 0));
  expect(stateFor('db-router', state)).toEqual(state);
});
