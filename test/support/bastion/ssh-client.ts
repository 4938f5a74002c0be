import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { run } from '../cli.ts';
import { totp } from '../sign-on/visitor.ts';

/** A person at a machine of their own: the real `ssh`, with a key and an authenticator app. */
export class SshClient {
  readonly key: string;
  /** Secret of the authenticator app. */
  secret = '';
  private readonly spent = new Set<string>();
  /** When it gave codes; with another secret the bastion begins to count again. */
  private given: number[] = [];

  private constructor(
    private readonly dir: string,
    readonly name: string,
    private readonly port: number,
  ) {
    this.key = path.join(dir, `${name}-key`);
  }

  static async make(dir: string, name: string, port: number): Promise<SshClient> {
    const client = new SshClient(dir, name, port);
    const made = await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', client.key]);
    if (made.status !== 0) throw new Error(made.stderr);
    return client;
  }

  /** Learns the secret of a new second factor. */
  learn(otpauth: string): void {
    this.secret = new URL(otpauth).searchParams.get('secret') as string;
    this.spent.clear();
    this.given = [];
  }

  /** A code that was not used yet: those of half a minute before and after are good too. It waits where all of them were, and for the fourth in 30 s. */
  async code(): Promise<string> {
    for (;;) {
      const now = Date.now();
      const slow = this.given.filter((at) => now - at < 31_000).length < 3;
      const fresh = [0, -30_000, 30_000].map((shift) => totp(this.secret, now + shift)).find((code) => !this.spent.has(code));
      if (slow && fresh) {
        this.spent.add(fresh);
        this.given.push(now);
        return fresh;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /** Runs ssh. @param code what is answered when it asks; undefined: nothing can be asked */
  async start(args: readonly string[], code: string | undefined, knownHosts: string): Promise<Session> {
    const answer = path.join(this.dir, `${this.name}-answer`);
    writeFileSync(answer, `#!/bin/sh\necho '${code}'\n`);
    chmodSync(answer, 0o700);
    const options = [
      ...['-F', 'none', '-p', String(this.port), '-i', this.key, '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'NumberOfPasswordPrompts=1'],
      ...['-o', 'ConnectTimeout=10', '-o', 'ExitOnForwardFailure=yes', ...(code === undefined ? ['-o', 'BatchMode=yes'] : [])],
    ];
    const env = { ...process.env, SSH_ASKPASS: answer, SSH_ASKPASS_REQUIRE: 'force', DISPLAY: '' };
    return new Session(spawn('ssh', ['-v', ...options, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
  }
}

/** One ssh that runs. */
export class Session {
  output = '';
  readonly ended: Promise<number | null>;

  constructor(private readonly child: ChildProcess) {
    const take = (chunk: Buffer) => {
      this.output += chunk;
    };
    child.stdout?.on('data', take);
    child.stderr?.on('data', take);
    this.ended = new Promise((resolve) => child.on('close', resolve));
  }

  /** Whether it was let in; false once it has ended without. */
  async letIn(): Promise<boolean> {
    const ended = this.ended.then(() => true);
    for (;;) {
      if (/Authenticated to /.test(this.output)) return true;
      if (await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 50, false))]))
        return /Authenticated to /.test(this.output);
    }
  }

  async stop(): Promise<void> {
    this.child.kill();
    await this.ended;
  }
}

/** What a server on this machine answers to some bytes, within 15 s; '' where it closes or says nothing. */
export const talk = (port: number, say: Buffer): Promise<string> =>
  new Promise((resolve) => {
    let heard = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(say));
    const end = () => {
      socket.destroy();
      resolve(heard);
    };
    socket.setTimeout(15_000, end);
    socket.on('data', (chunk) => {
      heard += chunk.toString('latin1');
      end();
    });
    socket.on('error', end);
    socket.on('close', end);
  });

/** PostgreSQL's request for TLS (its manual, "SSLRequest"): answered by S or N. */
export const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
