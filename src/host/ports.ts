import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import net from 'node:net';
import { systemCode } from '../core/errors.ts';
import { isIpv6 } from '../core/ip-address.ts';

/** Whether something listens on an address and port of this host already. A port that only root may bind counts as free. */
export function isTaken(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', (error) => resolve(systemCode(error) === 'EADDRINUSE'));
    // As Docker binds it: `::` without IPv4's addresses.
    server.listen({ host: address, port, exclusive: true, ipv6Only: isIpv6(address) }, () => server.close(() => resolve(false)));
  });
}

/** `process 812 (nginx)` for who listens on a TCP port (proc(5)); undefined where that cannot be seen. */
export function processOn(port: number): string | undefined {
  const inodes = new Set(['/proc/net/tcp', '/proc/net/tcp6'].flatMap((file) => listeners(file, port)));
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (openSockets(pid).some((inode) => inodes.has(inode))) {
      return `process ${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`;
    }
  }
  return undefined;
}

const LISTEN = '0A';

/** Socket inodes that listen on this port: `sl local_address rem_address st ... inode` lines. */
function listeners(file: string, port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .slice(1)
      .flatMap((line) => {
        const fields = line.trim().split(/\s+/);
        return fields[1]?.endsWith(`:${hex}`) && fields[3] === LISTEN && fields[9] ? [fields[9]] : [];
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
