import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { docker } from '../cli.ts';
import { until } from '../stack.ts';
import { temporaryFolder } from '../temporary.ts';

/**
 * Gives a server of this host a name that the ways out of a project find by Docker's DNS, and waits until the identity provider gets there.
 * @param as the port by which it is known there @returns what removes it again
 */
export async function leadTo(
  project: string,
  name: string,
  { address, port, as = port }: { address: string; port: number; as?: number },
): Promise<() => Promise<unknown>> {
  const container = `${project}-outside`;
  const folder = temporaryFolder(`${project}-outside`);
  const lines = [
    'defaults',
    '  mode tcp',
    '  timeout connect 2s',
    '  timeout client 1m',
    '  timeout server 1m',
    'listen all',
    `  bind :${as}`,
  ];
  writeFileSync(path.join(folder, 'haproxy.cfg'), `${lines.join('\n')}\n  server outside ${address}:${port}\n`, { mode: 0o644 });
  const { stdout: image } = await docker(['inspect', `${project}-sign-on-providers-1`, '--format', '{{.Config.Image}}']);
  const remove = () => docker(['rm', '--force', '--volumes', container]);
  const run = await docker([
    ...['run', '--detach', '--name', container, '--network', `${project}_out`, '--network-alias', name],
    ...['--volume', `${folder}/haproxy.cfg:/haproxy.cfg:ro`, '--entrypoint', 'haproxy', image.trim(), '-f', '/haproxy.cfg'],
  ]);
  if (run.status !== 0) throw new Error(`docker run: ${run.stderr}`);
  const inside = async (...command: string[]) => (await docker(['exec', `${project}-sign-on-1`, ...command])).stdout;
  const reached = async () => {
    await inside('provider-check', 'once');
    const { providers } = JSON.parse(await inside('users', 'list')) as { providers: Record<string, { problem: string | null }> };
    return Object.values(providers).every(({ problem }) => problem === null);
  };
  await until(`${name} is reached`, reached);
  return remove;
}
