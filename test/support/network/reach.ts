import { docker, run } from '../cli.ts';
import type { Workspace } from '../workspace.ts';
import { composeOf, inside } from './segments-stack.ts';

/** `open`: a connection was made. `refused`: somebody is there and does not want it. `silent`: nobody answered, or there is no way. */
export type Reach = 'open' | 'refused' | 'silent';

/**
 * Tries every `host:port` at once and prints what came of each, with time for a busy machine to start a hundred; bash connects by
 * itself (its manual, "Redirections").
 */
const PROBE = `
for target in "$@"; do
  { said=$(timeout 10 bash -c "exec 3<>/dev/tcp/\${target%:*}/\${target##*:}" 2>&1); code=$?
    if [ $code = 0 ]; then echo "$target open"; elif [[ $said = *refused* ]]; then echo "$target refused"; else echo "$target silent"; fi; } &
done
wait`;

const ARGV = ['bash', '-c', PROBE, 'probe'];

function answers(stdout: string, targets: readonly string[]): Record<string, Reach> {
  const found = Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' ') as [string, Reach]),
  );
  const missing = targets.filter((target) => !found[target]);
  if (missing.length > 0) throw new Error(`not tried: ${missing.join(', ')} (${stdout})`);
  return found;
}

/** From a container of its own that is in one network alone, as a program would be that somebody has got into. */
export async function reachFrom(space: Workspace, network: string, targets: readonly string[]): Promise<Record<string, Reach>> {
  const image = composeOf(space).services.balancer?.image as string;
  const argv = [
    'run',
    '--rm',
    '--init',
    '--network',
    `${space.project}_${network}`,
    '--entrypoint',
    'bash',
    image,
    ...ARGV.slice(1),
    ...targets,
  ];
  const { status, stdout, stderr } = await docker(argv);
  if (status !== 0) throw new Error(stderr);
  return answers(stdout, targets);
}

/** From a container of the stack. */
export const reachFromService = async (space: Workspace, service: string, targets: readonly string[]): Promise<Record<string, Reach>> =>
  answers((await inside(space, service, [...ARGV, ...targets])).stdout, targets);

/** From another network namespace of this host. */
export const reachFromNamespace = async (name: string, targets: readonly string[]): Promise<Record<string, Reach>> =>
  answers((await run('ip', ['netns', 'exec', name, ...ARGV, ...targets])).stdout, targets);
