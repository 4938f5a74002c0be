import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostMounts } from '../../host/host-mounts.ts';
import type { Settings } from '../../settings/schema.ts';
import type { TakenRange } from '../../stack/subnets.ts';
import { fileServers, isName, nameServers, type Reached, reachedRanges, settingsHosts, sshPeers } from '../plan/reached.ts';
import { defaultGateways } from './routes.ts';

/** All names are asked for at once. */
const PATIENCE_MS = 1000;

/** systemd-resolved's own list: /etc/resolv.conf may name only its stub on this host. */
const RESOLVERS = ['/etc/resolv.conf', '/run/systemd/resolve/resolv.conf'];

/**
 * What must stay reachable from this host. Names are resolved only where `resolve` says so, while ranges are chosen for the
 * first time: a plan must not wait for a DNS server, nor change with its answers.
 */
export async function rangesReached(env: NodeJS.ProcessEnv, settings: Settings, resolve: boolean): Promise<TakenRange[]> {
  const reached: Reached[] = [
    ...sshPeers(sshEnvironment(env)),
    ...defaultGateways(),
    ...RESOLVERS.flatMap((file) => nameServers(readText(file))),
    ...fileServers(hostMounts()),
    ...settingsHosts(settings),
  ];
  return reachedRanges(reached, resolve ? await resolved(reached) : undefined);
}

async function resolved(reached: readonly Reached[]): Promise<Map<string, string[]>> {
  const names = [...new Set(reached.filter(isName).map(({ host }) => host))];
  const found = await Promise.all(
    names.map(async (name) => {
      const answer = lookup(name, { all: true, family: 4 }).then(
        (list) => list.map(({ address }) => address),
        () => [],
      );
      return [name, await Promise.race([answer, sleep(PATIENCE_MS, [], { ref: false })])] as const;
    }),
  );
  return new Map(found);
}

/** `sudo` removes the session's variables: then those that the programs above this one were started with count. */
function sshEnvironment(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  if (env.SSH_CONNECTION || env.SSH_CLIENT) return env;
  for (let pid = process.ppid, left = 16; pid > 1 && left > 0; left--) {
    const variables = readText(`/proc/${pid}/environ`).split('\0');
    const pairs = variables.filter((text) => /^SSH_(CONNECTION|CLIENT)=/.test(text)).map((text) => text.split(/=(.*)/s, 2));
    if (pairs.length > 0) return Object.fromEntries(pairs);
    // The program's name, in brackets, may contain anything (proc(5), /proc/pid/stat).
    pid = Number(/^.*\) \S+ (\d+)/s.exec(readText(`/proc/${pid}/stat`))?.[1] ?? 0);
  }
  return {};
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
