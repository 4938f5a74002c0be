import dgram from 'node:dgram';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { systemCode } from '../core/errors.ts';
import { isIpv6 } from '../core/ip-address.ts';

/** Whether something listens on an address and port of this host already. A port that only root may bind counts as free. */
export function isTaken(address: string, port: number, protocol: 'tcp' | 'udp' = 'tcp'): Promise<boolean> {
  return new Promise((resolve) => {
    if (protocol === 'udp') {
      const socket = dgram.createSocket({ type: isIpv6(address) ? 'udp6' : 'udp4', ipv6Only: isIpv6(address) });
      socket.once('error', (error) => socket.close(() => resolve(systemCode(error) === 'EADDRINUSE')));
      socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(false)));
      return;
    }
    const server = net.createServer();
    server.once('error', (error) => resolve(systemCode(error) === 'EADDRINUSE'));
    // As Docker binds it: `::` without IPv4's addresses.
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIpv6(address) }, () => server.close(() => resolve(false)));
  });
}

/** `process 812 (nginx)` for who listens on a port (proc(5)); undefined where that cannot be seen. */
export function processOn(port: number, protocol: 'tcp' | 'udp' = 'tcp'): string | undefined {
  const files = [`/proc/net/${protocol}`, `/proc/net/${protocol}6`];
  const inodes = new Set(files.flatMap((file) => listeners(file, port, LISTEN[protocol])));
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (openSockets(pid).some((inode) => inodes.has(inode))) {
      return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
    }
  }
  return undefined;
}

/** TCP_LISTEN, and TCP_CLOSE for a socket of UDP that is bound. */
const LISTEN = { tcp: '0A', udp: '07' };

/** Socket inodes that listen on this port: `sl local_address rem_address st ... inode` lines. */
function listeners(file: string, port: number, state: string): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const fields = line.trim().split(/\s+/);
        return fields[1]?.endsWith(`:${hex}`) && fields[3] === state && fields[9] ? [fields[9]] : [];
      });
  } catch {
    return [];
  }
}

/** Socket inodes that a process has open; none if it has exited or may not be inspected. */
function openSockets(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      return inode ? [inode] : [];
    });
  } catch {
    return [];
  }
}
