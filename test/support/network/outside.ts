import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { type Run, run } from '../cli.ts';
import { background } from '../stack.ts';
import { PREFIX, type Workspace } from '../workspace.ts';

const PORT = 8099;
// It ends with the test that started it, also where that is killed: a process keeps its namespace.
const SERVER = `
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || process.exit(), 1000);
  require('node:http').createServer((_, answer) => answer.end('outside')).listen(${PORT}, '0.0.0.0', () => console.log('ready'));`;

/** Another machine, as far as addresses go: a network namespace with one cable to this host, and a server of its own. */
export interface Outside {
  namespace: string;
  /** What it sees of this host, and a second address of the host on the same cable. */
  host: string;
  other: string;
  /** Where containers would find its server. */
  server: string;
  /** The route to it that this host has, and its device. */
  subnet: string;
  device: string;
  run(argv: readonly string[]): Promise<Run>;
  /**
   * Nothing that this host forwards to these ranges leaves by its own default route: a network without an address of the host has no
   * route here, and what stands behind the default route may answer for any address. A network that does have a route keeps it.
   */
  cutOff(subnets: readonly string[]): Promise<void>;
  destroy(): Promise<void>;
}

/** Worse than that of a network with an address of the host. */
const METRIC = '4242';

async function ip(...argv: string[]): Promise<void> {
  const { status, stderr } = await run('ip', argv);
  if (status !== 0) throw new Error(`ip ${argv.join(' ')}: ${stderr}`);
}

/** The default route leads to the host, so that the host would forward what it lets pass. */
export async function outside(): Promise<Outside> {
  const id = randomBytes(3).toString('hex');
  const namespace = `${PREFIX}-outside-${id}`;
  const [device, far] = [`mo${id}`, `mi${id}`];
  // RFC 2544: for tests, so that no real network is in the way.
  const net = `198.18.${randomBytes(1)[0]}`;
  const [host, other, address] = [`${net}.1`, `${net}.3`, `${net}.2`];
  const ranges: string[] = [];
  const destroy = async () => {
    for (const range of ranges) await run('ip', ['route', 'delete', 'blackhole', range, 'metric', METRIC]);
    await run('ip', ['netns', 'delete', namespace]);
    await run('ip', ['link', 'delete', device]);
  };
  try {
    await ip('netns', 'add', namespace);
    await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', far, 'netns', namespace);
    for (const each of [host, other]) await ip('address', 'add', `${each}/24`, 'dev', device);
    await ip('link', 'set', device, 'up');
    await ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', far);
    for (const each of ['lo', far]) await ip('-n', namespace, 'link', 'set', each, 'up');
    await ip('-n', namespace, 'route', 'add', 'default', 'via', host);
    const server = await background('ip', ['netns', 'exec', namespace, process.execPath, '-e', SERVER], /ready/);
    return {
      namespace,
      host,
      other,
      server: `${address}:${PORT}`,
      subnet: `${net}.0/24`,
      device,
      run: (argv) => run('ip', ['netns', 'exec', namespace, ...argv]),
      cutOff: async (subnets) => {
        for (const range of subnets) {
          await ip('route', 'add', 'blackhole', range, 'metric', METRIC);
          ranges.push(range);
        }
      },
      destroy: async () => {
        await server.stop();
        await destroy();
      },
    };
  } catch (error) {
    await destroy();
    throw error;
  }
}

/**
 * Another machine asks the published HTTPS port whether the portal lives, and verifies its certificate by the internal CA.
 * @returns the first line of the answer, or what is wrong
 */
export async function answerOutside(world: Outside, space: Workspace): Promise<string> {
  const ca = path.join(space.state, 'ca/root.crt');
  const script = `const tls = require('node:tls');
    const socket = tls.connect({ host: '${world.host}', port: ${space.httpsPort}, servername: 'localhost', ca: require('node:fs').readFileSync('${ca}') }, () => {
      socket.write('GET /api/health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n');
    });
    socket.on('data', (chunk) => { console.log(String(chunk).split('\\r\\n')[0]); process.exit(0); });
    socket.on('error', (error) => { console.log(error.message); process.exit(1); });`;
  return (await world.run([process.execPath, '-e', script])).stdout.trim();
}
