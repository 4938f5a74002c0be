import { spawn } from 'node:child_process';

/**
 * Has a running container write: bytes go to the standard output of its first process, as the program's own do, and the engine logs them.
 * @param perSecond lines a second; undefined: as fast as they are taken
 */
export async function writeFrom(container: string, lines: readonly (string | Buffer)[], perSecond?: number): Promise<void> {
  const child = spawn('docker', ['exec', '--interactive', container, 'sh', '-c', 'cat > /proc/1/fd/1'], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  const began = Date.now();
  for (let at = 0; at < lines.length; ) {
    const due = perSecond === undefined ? lines.length : Math.min(lines.length, Math.floor(((Date.now() - began) / 1000) * perSecond));
    const part = lines.slice(at, due).flatMap((line) => [Buffer.from(line), NEWLINE]);
    if (part.length > 0 && !child.stdin.write(Buffer.concat(part))) await new Promise((resolve) => child.stdin.once('drain', resolve));
    at = Math.max(at, due);
    if (at < lines.length) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.stdin.end();
  const status = await ended;
  if (status !== 0) throw new Error(`${container} did not take its lines: status ${status}`);
}

const NEWLINE = Buffer.from('\n');
