import { writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { docker, HOME } from '../cli.ts';
import { temporaryFolder } from '../temporary.ts';
import { PREFIX } from '../workspace.ts';

const IMAGE = 'medianest-test/pebble:1';

export interface PebbleOptions {
  /** More of its environment, such as PEBBLE_WFE_NONCEREJECT. */
  env?: Record<string, string>;
  /** More of its configuration. */
  config?: Record<string, unknown>;
}

/** A real ACME server and its DNS server, in a network of the stack that is to be issued certificates. */
export interface Pebble {
  address: string;
  directory: string;
  resolver: string;
  /** File with the root of its own HTTPS. */
  root: string;
  /** Tells the DNS server: `set-default-ipv4`, `add-a`, `add-caa`, `set-servfail`, `set-txt`, ... */
  dns(what: string, body: object): Promise<void>;
  /** Starts the ACME server anew, with other settings. */
  restart(options?: PebbleOptions): Promise<void>;
  stop(): Promise<void>;
  /** Says when a certificate is to be renewed. */
  renewalWindow(certificate: string, start: Date, end: Date): Promise<void>;
  /** The root that issues, new at each start. */
  issuingRoot(): Promise<string>;
  destroy(): Promise<void>;
}

const must = async (args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await docker(args);
  if (status !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
};

/** What a killed run has left would keep the network of its stack. */
export const removePebble = (name: string) => docker(['rm', '--force', '--volumes', `${PREFIX}-${name}-pebble`]);

export async function startPebble(name: string, network: string, options: PebbleOptions = {}): Promise<Pebble> {
  const container = `${PREFIX}-${name}-pebble`;
  const dir = temporaryFolder(`${name}-pebble`);
  await removePebble(name);
  await must(['build', '--quiet', '--tag', IMAGE, path.join(HOME, 'test/support/certificates/pebble')]);
  await must([
    ...['run', '--detach', '--init', '--name', container, '--network', network, '--volume', `${dir}:/pebble`, IMAGE],
    ...['pebble-challtestsrv', '-dnsserver', ':8053', '-management', ':8055', '-doh', '', '-http01', '', '-https01', '', '-tlsalpn01', ''],
    ...['-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'],
  ]);
  const address = await must(['inspect', '--format', `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`, container]);
  const own = await internalCa({ load: () => undefined, save: () => {} }, 'pebble').issue(
    { name: 'pebble', subjects: [address], issuer: 'internal-ca', days: 1 },
    new Date(),
  );
  writeFileSync(path.join(dir, 'cert.pem'), own.certificate + own.chain);
  writeFileSync(path.join(dir, 'key.pem'), own.privateKey);
  const root = path.join(dir, 'root.pem');
  writeFileSync(root, own.root as string);
  const ask = (port: number, where: string, body?: string) =>
    new Promise<string>((resolve, reject) => {
      const request = https.request(
        { host: address, port, path: where, ca: own.root, method: body ? 'POST' : 'GET', headers: { 'user-agent': 'test' } },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => {
            text += part;
          });
          response.on('end', () =>
            response.statusCode === 200 || where === '/dir' ? resolve(text) : reject(new Error(`${where}: ${response.statusCode} ${text}`)),
          );
        },
      );
      request.on('error', reject);
      request.end(body);
    });
  const stop = async () => {
    await docker([
      'exec',
      container,
      'sh',
      '-c',
      'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = pebble ] && kill -9 "${p#/proc/}"; done; true',
    ]);
  };
  const start = async ({ env = {}, config = {} }: PebbleOptions) => {
    const settings = {
      listenAddress: '0.0.0.0:14000',
      managementListenAddress: '0.0.0.0:15000',
      certificate: '/pebble/cert.pem',
      privateKey: '/pebble/key.pem',
      httpPort: 80,
      tlsPort: 443,
      ocspResponderURL: '',
      externalAccountBindingRequired: false,
      profiles: { default: { description: 'ninety days', validityPeriod: 7_776_000 } },
      ...config,
    };
    writeFileSync(path.join(dir, 'config.json'), JSON.stringify({ pebble: settings }));
    const variables = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_AUTHZREUSE: '0', PEBBLE_WFE_NONCEREJECT: '0', ...env };
    await must([
      ...['exec', '--detach', ...Object.entries(variables).flatMap(([key, value]) => ['--env', `${key}=${value}`]), container],
      ...['sh', '-c', 'exec pebble -config /pebble/config.json -dnsserver 127.0.0.1:8053 >/pebble/log 2>&1'],
    ]);
    for (let tries = 0; ; tries++) {
      if (await ask(14000, '/dir').then(Boolean, () => false)) return;
      if (tries > 100) throw new Error(await must(['exec', container, 'cat', '/pebble/log']));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  await start(options);
  return {
    address,
    directory: `https://${address}:14000/dir`,
    resolver: `${address}:8053`,
    root,
    dns: async (what, body) => {
      const answer = await fetch(`http://${address}:8055/${what}`, { method: 'POST', body: JSON.stringify(body) });
      if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
    },
    restart: async (more = {}) => {
      await stop();
      await start(more);
    },
    stop,
    renewalWindow: async (certificate, start, end) => {
      const ariResponse = JSON.stringify({ suggestedWindow: { start, end } });
      await ask(15000, '/set-renewal-info/', JSON.stringify({ certificate, ariResponse }));
    },
    issuingRoot: () => ask(15000, '/roots/0'),
    destroy: async () => {
      await removePebble(name);
    },
  };
}
