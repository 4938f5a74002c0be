import { readFileSync } from 'node:fs';
import path from 'node:path';
import tls from 'node:tls';
import type { Workspace } from '../workspace.ts';

const PAUSE_MS = 20;

/**
 * Opens many connections that send without end, and waits until the server has closed each.
 * @param head first lines of the request, without the empty line
 * @param piece what is then sent again and again
 * @returns first line of each answer, or what happened to the connection instead
 */
export async function flood(space: Workspace, connections: number, head: string, piece: string, seconds = 20): Promise<string[]> {
  const ca = readFileSync(path.join(space.state, 'ca', 'root.crt'));
  const one = () =>
    new Promise<string>((resolve) => {
      const socket = tls.connect({ host: '127.0.0.1', port: space.httpsPort, servername: 'localhost', ca });
      let heard = '';
      let fault = 'closed without an answer';
      // A rude client does not stop when it is answered. Not as fast as it could: the load and the tests share this machine.
      const more = setInterval(() => {
        if (socket.writable) socket.write(piece);
      }, PAUSE_MS);
      const late = setTimeout(() => {
        fault = `still open after ${seconds} s`;
        socket.destroy();
      }, seconds * 1000);
      socket.on('secureConnect', () => {
        socket.write(head);
      });
      socket.on('data', (chunk: Buffer) => {
        heard += chunk;
      });
      socket.on('error', (error: NodeJS.ErrnoException) => {
        fault = error.code ?? error.message;
      });
      socket.on('close', () => {
        clearTimeout(late);
        clearInterval(more);
        resolve(heard.split('\r\n')[0] || fault);
      });
    });
  return Promise.all(Array.from({ length: connections }, one));
}
