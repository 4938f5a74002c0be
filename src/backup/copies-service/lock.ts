import { spawn } from 'node:child_process';
import { once } from 'node:events';

/**
 * Does something while this process alone holds a lock that other processes of the container ask for too. The lock is held by a
 * program that ends when its input does, so it is free as soon as this process ends, however it ends.
 * @param waitSeconds how long to wait for the lock; undefined: without end
 * @returns undefined where the lock was not free in time
 */
export async function locked<T>(file: string, waitSeconds: number | undefined, act: () => Promise<T>): Promise<{ result: T } | undefined> {
  const wait = waitSeconds === undefined ? [] : ['--wait', String(waitSeconds)];
  const holder = spawn('flock', [...wait, file, 'cat'], { stdio: ['pipe', 'pipe', 'ignore'] });
  // Where the lock was not free, nothing reads this.
  holder.stdin.on('error', () => undefined);
  const ended = once(holder, 'close');
  try {
    holder.stdin.write('.');
    const held = await Promise.race([once(holder.stdout, 'data').then(() => true), ended.then(() => false)]);
    return held ? { result: await act() } : undefined;
  } finally {
    holder.stdin.end();
    await ended;
  }
}
