import { readFileSync } from 'node:fs';

export interface Session {
  client: string;
  server: string;
  port: number;
}

/** More ancestors than any session has between its server and its command. */
const MOST = 64;

/**
 * The SSH session that this command runs in, by SSH_CONNECTION (ssh(1)): sudo removes it, so the processes above are asked as well.
 * Undefined where there is none, or none that can be seen.
 */
export function sshSession(env: NodeJS.ProcessEnv): Session | undefined {
  let pid = process.ppid;
  let text = env.SSH_CONNECTION;
  for (let step = 0; text === undefined && pid > 1 && step < MOST; step++) {
    text = environmentOf(pid);
    pid = parentOf(pid);
  }
  const [client, , server, port] = text?.split(' ') ?? [];
  return client && server && Number(port) > 0 ? { client, server, port: Number(port) } : undefined;
}

function environmentOf(pid: number): string | undefined {
  const line = read(`/proc/${pid}/environ`)
    ?.split('\0')
    .find((entry) => entry.startsWith('SSH_CONNECTION='));
  return line?.slice('SSH_CONNECTION='.length);
}

/** The fourth field of proc(5)'s stat; the second may hold anything, in parentheses. */
const parentOf = (pid: number): number =>
  Number(
    read(`/proc/${pid}/stat`)
      ?.replace(/^.*\) /s, '')
      .split(' ')[1] ?? 0,
  );

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
