import { writeFileSync } from 'node:fs';
import https from 'node:https';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { run } from '../cli.ts';
import type { Workspace } from '../workspace.ts';

/** The serial number of the certificate that is served for a name. */
export const servedSerial = (port: number, servername = 'localhost'): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, servername, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.serialNumber ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });

/** Visitors, each on a connection of its own, until told to stop; how many there were, and what went wrong. @param ca what they trust */
export function arriving(port: number, ca: string, perSecond: number) {
  const failures: string[] = [];
  let count = 0;
  const timer = setInterval(() => {
    count++;
    const options = { host: '127.0.0.1', port, servername: 'localhost', path: '/api/health', ca, agent: false as const };
    const call = https.get(options, (response) => {
      response.resume();
      if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
    });
    call.on('error', (error) => failures.push(error.message));
  }, 1000 / perSecond);
  return {
    stop: async () => {
      clearInterval(timer);
      await sleep(500);
      return { count, failures };
    },
  };
}

/** What openssl has seen of a handshake. */
export interface Shaken {
  /** What the stapled answer says. */
  said: string | undefined;
  verified: boolean;
  /** PEM. */
  leaf: string;
  chain: string;
}

/** A handshake as openssl makes it: what the certificate's issuer says of it, and whether all is well. */
export async function shaken(space: Workspace): Promise<Shaken> {
  const at = ['-connect', `127.0.0.1:${space.httpsPort}`, '-servername', 'localhost', '-CAfile', path.join(space.state, 'ca/root.crt')];
  const { stdout } = await run('openssl', ['s_client', ...at, '-status', '-showcerts', '-x509_strict'], { input: '' });
  const [leaf = '', ...chain] = stdout.match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g) ?? [];
  return { said: /Cert Status: (\w+)/.exec(stdout)?.[1], verified: stdout.includes('Verification: OK'), leaf, chain: chain.join('') };
}

/** Fetches the list of revoked certificates where the leaf says, and checks it by that list. @returns what openssl says */
export async function checkedByList(space: Workspace, { leaf, chain }: Pick<Shaken, 'leaf' | 'chain'>): Promise<string> {
  const [leafFile, chainFile] = [space.write('seen.pem', leaf), space.write('seen-chain.pem', chain)];
  const { stdout: points } = await run('openssl', ['x509', '-in', leafFile, '-noout', '-ext', 'crlDistributionPoints']);
  const url = /URI:(\S+)/.exec(points)?.[1] ?? 'none';
  const list = path.join(space.dir, 'list.der');
  writeFileSync(list, Buffer.from(await (await fetch(url)).arrayBuffer()));
  const pem = path.join(space.dir, 'list.pem');
  await run('openssl', ['crl', '-inform', 'DER', '-in', list, '-out', pem]);
  const files = ['-CAfile', path.join(space.state, 'ca/root.crt'), '-untrusted', chainFile, '-CRLfile', pem];
  const told = await run('openssl', ['verify', '-x509_strict', '-crl_check', ...files, leafFile]);
  return told.stdout + told.stderr;
}
