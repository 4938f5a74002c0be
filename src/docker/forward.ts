import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { systemCode, UserError } from '../core/errors.ts';
import { withoutProxies } from './compose.ts';

/**
 * Connects its input and output with an address that the container reaches: bash opens the connection, so the image needs no program for
 * it. Once one side ends, the other has two seconds for what is still on its way.
 */
const RELAY = `exec 3<>"/dev/tcp/$1/$2" 4<&0 || exit 1
cat <&3 & reader=$!
cat <&4 >&3 & writer=$!
wait -n
for _ in {1..20}; do kill -0 "$reader" 2>/dev/null || break; sleep 0.1; done
kill "$reader" "$writer" 2>/dev/null
exit 0`;

/** Connections at once: a browser opens six. Each is three small processes in the container. */
const MOST_CONNECTIONS = 24;

export interface Forward {
  /** A running container that has bash, and shares a network with the address. */
  container: string;
  address: string;
  port: number;
  /** Of 127.0.0.1; 0 for one that is free. */
  listen: number;
}

/**
 * Passes connections to a port of this machine's 127.0.0.1 on to an address inside, by `docker exec`, until the signal comes. Nothing is
 * published, and the engine may be on another machine.
 * @param started is told the port
 * @param failed is told why a connection could not be passed on
 * @throws UserError PORT_TAKEN
 */
export async function forwardThrough(
  { container, address, port, listen }: Forward,
  signal: AbortSignal,
  started: (port: number) => void,
  failed: (why: string) => void,
): Promise<void> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    passOn(socket, ['exec', '--interactive', container, 'bash', '-c', RELAY, 'forward', address, String(port)], failed);
  });
  server.maxConnections = MOST_CONNECTIONS;
  server.listen(listen, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    throw refused(error, listen);
  }
  started((server.address() as AddressInfo).port);
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  for (const socket of open) socket.destroy();
}

function passOn(socket: Socket, argv: readonly string[], failed: (why: string) => void): void {
  // A process group of its own: Ctrl-C reaches it through us.
  const child = spawn('docker', withoutProxies(argv), { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  let said = '';
  let answered = false;
  child.stdout.once('data', () => {
    answered = true;
  });
  child.stderr.on('data', (text: Buffer) => {
    said = `${said}${text}`.slice(-500);
  });
  socket.pipe(child.stdin);
  // Its end is told below, after why.
  child.stdout.pipe(socket, { end: false });
  child.stdin.on('error', () => undefined);
  socket.on('error', () => undefined);
  socket.once('close', () => {
    child.stdin.destroy();
    child.kill('SIGINT');
  });
  child.once('error', (error) => {
    failed(error.message);
    socket.destroy();
  });
  child.once('close', (code) => {
    // A browser that closes early ends it too, and nothing is said then.
    if (code && !answered && said.trim() !== '') failed(said.trim().split('\n').at(-1) as string);
    socket.end();
  });
}

function refused(error: unknown, port: number): unknown {
  const code = systemCode(error);
  if (code !== 'EADDRINUSE' && code !== 'EACCES') return error;
  return new UserError(
    'PORT_TAKEN',
    code === 'EACCES' ? `port ${port} is for root alone` : `port ${port} is in use`,
    'choose another with --port, or leave --port out: a free one is taken',
    { cause: error },
  );
}
