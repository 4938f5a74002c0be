import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberState } from '../../../src/stack/member.ts';
import { docker } from '../cli.ts';
import { container } from '../load/load-stack.ts';
import { until } from '../stack.ts';
import type { Workspace } from '../workspace.ts';

const SCRIPT = readFileSync(new URL('plain-writer.mjs', import.meta.url), 'utf8');

export interface Written {
  acknowledged: number;
  /** Of those, what is not there afterwards. */
  lost: number;
  refused: number;
  longestGapMs: number;
}

/**
 * Writes from inside the application's first container, by the URL that it is given, for so many seconds.
 * @param wait a write counts once the follower has it @param during begins half a second after the first write
 */
export async function writing(space: Workspace, seconds: number, wait = false, during = async () => {}): Promise<Written> {
  const node = ['node', '--input-type=module', '-', String(seconds), ...(wait ? ['wait'] : [])];
  let begun = (): void => {};
  const began = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const ended = docker(['exec', '--interactive', container(space, 'app-1'), ...node], {
    input: SCRIPT,
    onSpawn: (child) => void child.stdout?.once('data', begun),
  });
  // Where it could not begin, its end says why.
  const fault = Promise.race([began, ended])
    .then(() => sleep(500))
    .then(during);
  const [{ status, stdout, stderr }] = await Promise.all([ended, fault]);
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Written;
}

/** What the controller says of every member of the cache. */
export async function members(space: Workspace): Promise<Record<string, MemberState>> {
  const { stdout, status } = await docker(['exec', container(space, 'agent'), 'timeout', '10', 'clusterctl', 'status']);
  return status === 0 ? (JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}') as Record<string, MemberState>) : {};
}

export const NODES = ['cache-1', 'cache-2'];
export const SENTINELS = ['sentinel-1', 'sentinel-2', 'sentinel-3'];

/** The node that leads. @throws Error where none does */
export async function leading(space: Workspace): Promise<string> {
  const found = Object.entries(await members(space)).find(([, { role }]) => role === 'leader');
  if (!found) throw new Error('no node of the cache leads');
  return found[0];
}

/** Until one leads, the other follows, and every sentinel watches the leader. */
export const wholeCache = (space: Workspace, seconds = 60): Promise<void> =>
  until(
    'the cache is whole',
    async () => {
      const states = await members(space);
      return [...NODES, ...SENTINELS].every((name) => states[name]?.ok);
    },
    seconds,
  );
