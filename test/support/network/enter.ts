import { execFileSync } from 'node:child_process';

/** Where the engine is: at its own address, in a network namespace of its own. */
export interface Where {
  env?: Record<string, string>;
  prefix?: readonly string[];
}

/**
 * This host plays a client in internal networks, where it has no address: it takes the gateway's, which the engine keeps free.
 * What a new network replaces is entered again.
 */
export function enterNetworks(project: string, networks: readonly string[], { env = {}, prefix = [] }: Where = {}): void {
  const said = (argv: readonly string[]) => {
    const [command, ...args] = argv as [string, ...string[]];
    return execFileSync(command, args, { encoding: 'utf8', env: { ...process.env, ...env } }).trim();
  };
  for (const network of networks) {
    const format = '{{.Id}} {{(index .IPAM.Config 0).Gateway}} {{(index .IPAM.Config 0).Subnet}}';
    const [id = '', gateway, subnet] = said(['docker', 'network', 'inspect', '--format', format, `${project}_${network}`]).split(' ');
    said([...prefix, 'ip', 'address', 'replace', `${gateway}/${subnet?.split('/')[1]}`, 'dev', `br-${id.slice(0, 12)}`]);
  }
}
