import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import type { CacheConfig } from './plan/types.ts';

/** A conversation with one node. */
export interface NodeLink {
  /** @throws Error with the node's answer, or with the reason why there is none */
  ask(...words: (string | number)[]): Promise<string>;
  /** The same where the answer is a list; undefined where it is nil. */
  list(...words: (string | number)[]): Promise<string[] | undefined>;
  close(): void;
}

const PORT = 6379;
const PATIENCE_MS = 1500;

/** As whom it is asked, and how its certificate is checked. */
type Login = Pick<CacheConfig, 'user' | 'passwordFile' | 'caFile' | 'certificateFile' | 'keyFile'>;

/** Opens a connection over TLS, the node's certificate checked by its address. @throws Error where there is none to be had */
export async function connectNode(config: Login, address: string, port = PORT): Promise<NodeLink> {
  const { user, passwordFile, caFile, certificateFile, keyFile } = config;
  const redis = new Redis({
    host: address,
    port,
    username: user,
    password: readFileSync(passwordFile, 'utf8'),
    tls: {
      ca: readFileSync(caFile),
      ...(certificateFile && keyFile && { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }),
    },
    lazyConnect: true,
    // One attempt: the caller asks again.
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    // A node that is loading says so to each command.
    enableReadyCheck: false,
    disableClientInfo: true,
    connectTimeout: PATIENCE_MS,
    commandTimeout: PATIENCE_MS,
  });
  let reason: Error | undefined;
  redis.on('error', (error: Error) => {
    reason ??= error;
  });
  try {
    await redis.connect();
  } catch (error) {
    redis.disconnect();
    // "Connection is closed" follows the error that says why.
    throw reason ?? error;
  }
  return {
    ask: async (command, ...words) => String(await redis.call(String(command), ...words)),
    list: async (command, ...words) => {
      const answer = await redis.call(String(command), ...words);
      return Array.isArray(answer) ? answer.map(String) : undefined;
    },
    close: () => redis.disconnect(),
  };
}
