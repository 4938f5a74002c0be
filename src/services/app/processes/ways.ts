import type { BuildInput } from '../../../stack/service.ts';
import { type WayOut, waysFor, waysOut } from '../ways-out.ts';
import { allProcesses, type Process } from './process.ts';

/** Every way out of the application: a host that several processes name has one container. */
export function allWays(processes: readonly Process[], input: BuildInput): WayOut[] {
  const [first, ...others] = processes;
  if (!first) return [];
  const hosts = others.flatMap(({ own: { egress } }) => (Array.isArray(egress) ? egress : []));
  return waysOut(first.own, input, hosts);
}

/** The ways of one process: it is led to no host that only another one names. */
export function waysOfProcess({ own, needs }: Process, all: readonly WayOut[], input: BuildInput): WayOut[] {
  const { settings } = input;
  const external = needs.external ? settings.external : { plex: {}, overseerr: {}, uptimeKuma: {} };
  const media = needs.media ? own.media : { ...own.media, kind: 'volume' as const };
  return waysFor({ ...own, media }, all, { settings: { ...settings, external } });
}

/** Who may call by each way. @returns the container that leads there -> processes */
export function callersByWay(input: BuildInput): { ways: WayOut[]; callers: Map<string, Process[]> } {
  const processes = allProcesses(input);
  const ways = allWays(processes, input);
  const callers = new Map<string, Process[]>(ways.map(({ name }) => [name, []]));
  for (const process of processes) for (const { name } of waysOfProcess(process, ways, input)) callers.get(name)?.push(process);
  return { ways, callers };
}
