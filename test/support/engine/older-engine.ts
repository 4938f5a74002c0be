import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

export interface OlderEngine {
  /** For clients of it. */
  env: { DOCKER_HOST: string };
  remove(): void;
}

/** The engine of this machine, which says that it is one before 28: what was made with such a one is then upgraded. */
export async function olderEngine(): Promise<OlderEngine> {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'medianest-older-'));
  const at = path.join(dir, 'sock');
  const server = net.createServer((client) => {
    const engine = net.connect('/var/run/docker.sock');
    client.pipe(engine);
    // Of the same length, so that an answer's length stays true.
    engine.on('data', (chunk: Buffer) =>
      client.write(Buffer.from(chunk.toString('latin1').replace(/"Version":"2[89]\./g, '"Version":"27.'), 'latin1')),
    );
    engine.on('end', () => client.end());
    for (const one of [client, engine]) one.on('error', () => [client, engine].forEach((each) => void each.destroy()));
    client.on('close', () => engine.destroy());
  });
  await new Promise<void>((resolve) => server.listen(at, resolve));
  return {
    env: { DOCKER_HOST: `unix://${at}` },
    remove: () => {
      server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
