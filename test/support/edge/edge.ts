import { chmodSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { KeyedCertificate } from '../../../src/certificates/ca/ca-record.ts';
import { internalCa } from '../../../src/certificates/ca/internal-ca.ts';
import { ocspResponse } from '../../../src/certificates/ca/ocsp.ts';
import { hostAddress } from '../../../src/core/cidr.ts';
import { hashImageSource } from '../../../src/reconcile/sources.ts';
import { BALANCER_HOST, BALANCER_PORTS } from '../../../src/services/app/balancer.ts';
import { APP_CERTIFICATE } from '../../../src/services/app/portal.ts';
import { RULES_TARGET, type RuleSet } from '../../../src/services/edge/settings/waf.ts';
import { registry } from '../../../src/services/index.ts';
import { buildStack } from '../../../src/stack/build.ts';
import type { Overrides } from '../../../src/stack/overrides.ts';
import type { CertificateSpec } from '../../../src/stack/types.ts';
import { docker, HOME, type Run } from '../cli.ts';
import { load, rendered, SUBNETS } from '../settings.ts';
import { freeRange, PREFIX } from '../workspace.ts';

const DAY = 24 * 3600 * 1000;

export interface Answer {
  status: number;
  headers: Record<string, string | undefined>;
  body: Buffer;
  tls: string | null;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: Buffer | string;
  /** Name in TLS and in Host. */
  host?: string;
}

/** What an origin answers at a path. */
interface Told {
  status?: number;
  headers?: Record<string, string>;
  body?: string;
  delay?: number;
  /** So many answers 103 before it; one 102. */
  hints?: number;
  processing?: boolean;
  /** A stream of events instead, each after so many milliseconds. */
  events?: { after: number; data: string }[];
  drop?: boolean;
  hang?: boolean;
}

export interface EdgeBench {
  address: string;
  /** The address that this host has for the edge. */
  self: string;
  container: string;
  /** Renders these settings, switches to them and reloads, as `up` does; the reload's outcome. */
  configure(file: string, overrides?: Overrides): Promise<Run>;
  ask(path: string, ask?: Ask): Promise<Answer>;
  tell(answers: Record<string, Told>): Promise<void>;
  /** How often the origin was asked for this. */
  count(url: string): Promise<number>;
  origin(name: 'app-1' | 'app-2' | 'balancer', action: 'start' | 'kill' | 'pause' | 'unpause'): Promise<void>;
  exec(argv: string[]): Promise<Run>;
  destroy(): Promise<void>;
}

/** Rules as `findRules` finds them, and the folder on this host that they were copied to. */
export interface BenchRules {
  found: RuleSet;
  folder: string;
}

/**
 * The edge's own image with a configuration rendered from settings, in front of tiny origins, in a network of its own.
 * @param components more of `components:`, such as `cdn: true`
 * @param rules of the WAF, instead of Debian's
 */
export async function edgeBench(name: string, file = '', components = '', rules?: BenchRules): Promise<EdgeBench> {
  const project = `${PREFIX}-${name}`;
  const at = (part: string) => `${project}-${part}`;
  const dir = mkdtempSync(path.join(os.tmpdir(), `medianest-${name}-`));
  chmodSync(dir, 0o755);
  const clean = async () => {
    await docker(['rm', '--force', '--volumes', ...['edge', 'app-1', 'app-2', 'balancer'].map(at)]);
    await docker(['network', 'rm', project]);
    await docker(['volume', 'rm', '--force', project]);
  };
  await clean();
  const subnet = await freeRange();
  const address = (host: number) => hostAddress(subnet, host) as string;
  let version = 0;

  const render = (text: string, overrides: Overrides = {}) => {
    const loaded = load({
      file: `components: { ${components} }\n${text}`,
      flags: { profile: 'dev-compose' },
    });
    const stack = buildStack(loaded.settings, registry, {
      version: '0.0.0',
      overrides,
      subnets: { ...SUBNETS, app: subnet },
      host: { wafRules: rules?.found },
      sourceHash: (folder: string) => hashImageSource(HOME, folder),
    });
    const folder = path.join(dir, 'config', String(++version));
    mkdirSync(folder, { recursive: true });
    for (const entry of rendered(stack).files.filter((entry) => entry.path.startsWith('edge/'))) {
      const target = path.join(folder, entry.path.slice('edge/'.length));
      mkdirSync(path.dirname(target), { recursive: true });
      writeFileSync(target, entry.contents);
    }
    symlinkSync(String(version), path.join(dir, 'config', 'next'));
    renameSync(path.join(dir, 'config', 'next'), path.join(dir, 'config', 'current'));
    return stack;
  };

  const stack = render(file);
  const edge = stack.services.find((service) => service.name === 'edge');
  const app = stack.services.find((service) => service.component === 'app');
  if (!edge?.certificate || !app) throw new Error('the stack has no edge');
  let root: { certificate: string; privateKey: string } | undefined;
  const store = {
    load: () => root,
    save: (ca: NonNullable<typeof root>) => {
      root = ca;
    },
  };
  const issue = async (spec: CertificateSpec, folder: string, ca = store) => {
    const issued = await internalCa(ca, project).issue(spec, new Date());
    mkdirSync(path.join(dir, folder), { recursive: true });
    writeFileSync(path.join(dir, folder, 'fullchain.pem'), issued.certificate + issued.chain);
    writeFileSync(path.join(dir, folder, 'privkey.pem'), issued.privateKey);
  };
  await issue(edge.certificate, 'certs/current');
  const issuer = (root as { intermediate?: KeyedCertificate } | undefined)?.intermediate as KeyedCertificate;
  const leaf = readFileSync(path.join(dir, 'certs/current/fullchain.pem'), 'utf8');
  const response = ocspResponse(leaf, issuer, undefined, new Date(Date.now() - 60_000), new Date(Date.now() + DAY));
  writeFileSync(path.join(dir, 'certs/current/ocsp.der'), response);
  const stapling = `ssl_stapling on;\nssl_stapling_responder http://127.0.0.1:8081/ocsp/${edge.certificate.name};\n`;
  writeFileSync(path.join(dir, 'certs/current/stapling.conf'), stapling);
  mkdirSync(path.join(dir, 'trust'));
  writeFileSync(path.join(dir, 'trust', 'internal-ca.pem'), root?.certificate ?? '');
  // The application is spoken to over TLS.
  const secured = app.certificate !== undefined;
  if (secured) await issue(APP_CERTIFICATE, 'app');
  // The same name, from a CA that nobody trusts.
  if (secured) await issue(APP_CERTIFICATE, 'stranger', { load: () => undefined, save: () => undefined });

  const must = async (args: string[]) => {
    const done = await docker(args);
    if (done.status !== 0) throw new Error(`docker ${args.join(' ')}: ${done.stderr}`);
    return done;
  };
  await must(['network', 'create', '--subnet', subnet, project]);
  const origins = {
    'app-1': [100, 3000],
    'app-2': [101, 3000],
    balancer: [BALANCER_HOST, BALANCER_PORTS[secured ? 'tls' : 'plain']],
  } as const;
  for (const [origin, [host, port]] of Object.entries(origins)) {
    const run = ['run', '--detach', '--init', '--name', at(origin), '--network', project, '--ip', address(host), '--entrypoint', 'node'];
    const script = path.join(HOME, 'test/support/edge/edge-origin.mjs');
    const pair = origin === 'app-2' ? 'stranger' : 'app';
    const tls = secured ? ['--volume', `${path.join(dir, pair)}:/pair:ro`] : [];
    const argv = ['/origin.mjs', origin, String(port), ...(secured ? ['/pair'] : [])];
    await must([...run, '--volume', `${script}:/origin.mjs:ro`, ...tls, app.image.ref, ...argv]);
  }
  await must([
    ...['run', '--detach', '--init', '--name', at('edge'), '--network', project, '--ip', address(10), '--user', '10004:10004'],
    ...[
      '--read-only',
      '--tmpfs',
      '/tmp:mode=1777',
      '--tmpfs',
      '/run:mode=1777',
      '--cap-drop',
      'ALL',
      '--security-opt',
      'no-new-privileges:true',
    ],
    ...['--memory', String(edge.memoryBytes), '--memory-swap', String(edge.memoryBytes), '--ulimit', 'nofile=16384:16384'],
    ...['--volume', `${path.join(dir, 'config')}:/etc/medianest:ro`, '--volume', `${path.join(dir, 'certs')}:/run/certs:ro`],
    ...['--volume', `${path.join(dir, 'trust')}:/run/trust:ro`],
    ...(rules ? ['--volume', `${rules.folder}:${RULES_TARGET}:ro`] : []),
    ...['--volume', `${project}:/var/cache/edge`, edge.image.ref],
  ]);
  const exec = (argv: string[]) => docker(['exec', at('edge'), ...argv]);
  const agent = new https.Agent({ keepAlive: false });

  const bench: EdgeBench = {
    address: address(10),
    self: address(1),
    container: at('edge'),
    configure: (text, overrides) => {
      render(text, overrides);
      return exec(['/usr/local/bin/reload']);
    },
    ask: (where, { method = 'GET', headers = {}, body, host = 'localhost' } = {}) =>
      new Promise((resolve, reject) => {
        const options = {
          host: address(10),
          port: 8443,
          path: where,
          method,
          agent,
          servername: host,
          ca: root?.certificate,
          timeout: 15_000,
        };
        const req = https.request({ ...options, headers: { host, ...headers } }, (res) => {
          const parts: Buffer[] = [];
          res.on('data', (part: Buffer) => parts.push(part));
          res.on('error', reject);
          const tls = (res.socket as TLSSocket).getProtocol();
          res.on('end', () => {
            const flat = Object.fromEntries(Object.entries(res.headers).map(([key, value]) => [key, value?.toString()]));
            resolve({ status: res.statusCode ?? 0, headers: flat, body: Buffer.concat(parts), tls });
          });
        });
        req.on('timeout', () => req.destroy(new Error(`no answer to ${where}`)));
        req.on('error', reject);
        req.end(body);
      }),
    tell: async (answers) => {
      for (const [host, port] of Object.values(origins)) {
        await fetch(`http://${address(host)}:${port}/control`, { method: 'POST', body: JSON.stringify(answers) }).catch(() => undefined);
      }
    },
    count: async (url) => Number(await (await fetch(`http://${address(100)}:3000/count?${encodeURIComponent(url)}`)).text()),
    origin: async (origin, action) => {
      await must([action, at(origin)]);
      const [host, port] = origins[origin];
      if (action === 'start') await listens(address(host), port);
    },
    exec,
    destroy: async () => {
      await clean();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  for (const [host, port] of Object.values(origins)) await listens(address(host), port);
  for (let tries = 0; (await exec(['healthcheck'])).status !== 0; tries++) {
    if (tries > 50) throw new Error((await docker(['logs', at('edge')])).stderr);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return bench;
}

/** Waits until somebody listens there. */
async function listens(host: string, port: number): Promise<void> {
  const connects = () =>
    new Promise<boolean>((resolve) => {
      const socket = net.connect({ host, port }, () => resolve(true)).on('error', () => resolve(false));
      socket.unref();
      socket.once('connect', () => socket.destroy());
    });
  for (let tries = 0; tries < 100; tries++) {
    if (await connects()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nobody listens at ${host}:${port}`);
}
