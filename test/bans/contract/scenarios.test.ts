import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import { docker, HOME } from '../../support/cli.ts';
import { load, rendered, SUBNETS } from '../../support/settings.ts';

// The engine itself, with its rendered settings, reads lines as the edge writes them (recorded; test/edge proves their form).
const loaded = load({
  file: 'components: { crowdsec: true }\nbans: { never: [198.51.100.0/24] }\nfirewall: { lan: [192.168.0.0/16] }\n',
  flags: { profile: 'dev-compose' },
});
const stack = buildStack(loaded.settings, registry, {
  version: '0.0.0',
  overrides: {},
  subnets: SUBNETS,
  sourceHash: (folder: string) => hashImageSource(HOME, folder),
});
const image = stack.services.find(({ name }) => name === 'crowdsec')?.image.ref as string;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-bans-'));
  chmodSync(dir, 0o755);
  // Without a network it talks to itself.
  for (const file of rendered(stack).files.filter((file) => file.path.startsWith('crowdsec/')))
    writeFileSync(path.join(dir, path.basename(file.path)), file.contents.replaceAll('10.50.0.76', '127.0.0.1'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Line {
  client?: string;
  what: string;
  status?: number;
  path?: string;
}

/** So many lines, each so many seconds after the one before. */
const lines = (count: number, seconds: number, line: (index: number) => Line): string[] =>
  Array.from({ length: count }, (_, index) => {
    const { client = '203.0.113.5', what, status = 404, path: place = '/' } = line(index);
    const time = new Date(Date.UTC(2026, 10, 30, 10) + index * seconds * 1000).toISOString().replace('.000Z', '+00:00');
    return JSON.stringify({ time, client, what, status, method: 'GET', path: place });
  });

/** Which scenarios ban whom, after all of these lines. */
async function banned(...all: string[]): Promise<string[]> {
  writeFileSync(path.join(dir, 'lines.log'), `${all.join('\n')}\n`);
  const start = `set -e
    mkdir -p /run/crowdsec/plugins /run/crowdsec/notifications && cp -r /usr/share/medianest/engine/. /run/crowdsec/
    cp /etc/medianest/current/never.yaml /run/crowdsec/parsers/s02-enrich/ && echo 'simulation: off' >/run/crowdsec/simulation.yaml
    echo 'share_manual_decisions: false' >/run/crowdsec/console.yaml
    cscli machines add medianest --auto --force --file /run/crowdsec/credentials.yaml
    exec crowdsec -c /etc/medianest/current/config.yaml -info -type visits -dsn file:///etc/medianest/current/lines.log`;
  const run = await docker([
    ...['run', '--rm', '--network', 'none', '--read-only', '--cap-drop', 'ALL', '--user', '10046:10046', '--memory', '256m'],
    ...[
      '--tmpfs',
      '/run:mode=1777',
      '--tmpfs',
      '/tmp:mode=1777',
      '--volume',
      '/var/lib/crowdsec',
      '--volume',
      `${dir}:/etc/medianest/current:ro`,
    ],
    ...['--entrypoint', 'bash', image, '-c', start],
  ]);
  const output = run.stdout + run.stderr;
  // Whatever was read was understood.
  expect(output).toContain('Loaded 7 scenarios');
  return [
    ...new Set([...output.matchAll(/Ip (\S+) performed 'medianest\/([a-z-]+)'/g)].map(([, client, name]) => `${client} ${name}`)),
  ].sort();
}

describe('the scenarios', { timeout: 60_000 }, () => {
  it('ban who does it often, each for its own reason, and none who does it seldom', async () => {
    expect(
      await banned(
        ...lines(8, 2, () => ({ what: 'sign-in', status: 401, path: '/login' })),
        ...lines(7, 2, () => ({ client: '203.0.113.6', what: 'sign-in', status: 401, path: '/login' })),
        ...lines(6, 3, () => ({ client: '203.0.113.7', what: 'waf', status: 403 })),
        ...lines(5, 3, () => ({ client: '203.0.113.8', what: 'waf', status: 403 })),
        ...lines(160, 0, () => ({ client: '203.0.113.9', what: 'limit', status: 429 })),
        ...lines(90, 0, () => ({ client: '203.0.113.10', what: 'limit', status: 429 })),
        ...lines(30, 1, (index) => ({ client: '203.0.113.11', what: 'probe', path: `/old/${index}` })),
        // A broken link of a page that is shown again and again; a crawler that takes its time.
        ...lines(200, 1, () => ({ client: '203.0.113.12', what: 'probe', path: '/favicon.png' })),
        ...lines(60, 11, (index) => ({ client: '203.0.113.13', what: 'probe', path: `/old/${index}` })),
        ...lines(3, 2, (index) => ({
          client: '2001:db8:1:2::',
          what: 'probe',
          path: ['/.env', '/wp-login.php', '/.git/config'][index] ?? '',
        })),
        ...lines(2, 2, (index) => ({ client: '203.0.113.14', what: 'probe', path: ['/.env', '/xmlrpc.php'][index] ?? '' })),
      ),
    ).toEqual(['2001:db8:1:2:: scanner', '203.0.113.11 probing', '203.0.113.5 failed-sign-ins', '203.0.113.7 waf', '203.0.113.9 limits']);
  });

  it('ban who guesses at the SSH server of the host, at once or over minutes, and none who mistypes', async () => {
    const sshd = (count: number, seconds: number, client: string) =>
      lines(count, seconds, () => ({ client, what: 'ssh', status: 401, path: 'password' }));
    expect(
      await banned(
        ...sshd(6, 1, '203.0.113.20'),
        ...sshd(24, 30, '203.0.113.21'),
        ...sshd(4, 2, '203.0.113.22'),
        ...sshd(20, 70, '203.0.113.23'),
        ...sshd(30, 0, '192.168.4.5'),
        ...sshd(6, 1, '2001:db8:1:3::'),
      ),
    ).toEqual(['2001:db8:1:3:: ssh', '203.0.113.20 ssh', '203.0.113.21 ssh-slow']);
  });

  it('never ban who is protected', async () => {
    const many = (client: string) => lines(50, 0, (index) => ({ client, what: 'probe', path: `/${index}` }));
    expect(await banned(...['127.0.0.1', '192.168.4.5', '198.51.100.9', '10.0.0.1', '203.0.113.99'].flatMap(many))).toEqual([
      '203.0.113.99 probing',
    ]);
  });

  it('take nothing that a client has written for an address, and no line that the edge would not write', async () => {
    const innocent = '198.18.0.1';
    const smuggled = `/x","client":"${innocent}","what":"sign-in","status":401`;
    const asText = `{"time":"2026-11-30T10:00:00+00:00","client":"${innocent}","what":"probe"`;
    expect(
      await banned(
        ...lines(40, 0, (index) => ({ what: 'probe', path: `${smuggled}${index}` })),
        ...lines(40, 0, (index) => ({ what: 'probe', path: `/\n${asText}${index}` })),
        ...Array.from({ length: 40 }, (_, index) => `visits: ${asText},"status":404,"method":"GET","path":"/${index}"}`),
        ...Array.from({ length: 40 }, () => 'garbage'),
      ),
    ).toEqual(['203.0.113.5 probing']);
  });
});
