import type { Context } from '../../capability/capability.ts';
import type { Engine } from '../../docker/types.ts';
import type { Settings } from '../../settings/schema.ts';
import { addressNeeds, type BuildFacts, opensApp } from '../../stack/build.ts';
import type { ServiceDefinition } from '../../stack/service.ts';
import { chooseSubnets, type Reach, type SubnetChoice, type TakenRange } from '../../stack/subnets.ts';
import { NETWORKS, type NetworkName } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { chooseIsolation, type IsolationCheck, networkName } from './isolation.ts';
import { rangesReached } from './reached.ts';
import { hostRoutes } from './routes.ts';

/** How the networks' ranges are compared with what others use. */
export interface RangeCheck extends IsolationCheck {
  /** Asked for other networks' ranges; without it only the host's routes count. */
  engine?: Engine;
  /** Our containers use the remembered ranges, so there is nothing to compare. */
  running?: boolean;
  /** For what starts nothing: any range will do. */
  unchecked?: boolean;
  /** Ranges that are in use are compared with what this host has to reach too. */
  explain?: boolean;
  /** Another network has the range of one that is not made yet, although our containers run: those get a free one. */
  lost?: boolean;
}

export interface Ranges extends SubnetChoice, Reach {
  /** What this host has to reach, one by one; empty where it was not asked. */
  reached: string[];
  /** What keeps networks from being made as they should be although the engine can: one line. */
  notIsolated?: string | undefined;
  subnetsChanged: boolean;
}

/** What `subnets.json` holds. */
type Remembered = Partial<Record<NetworkName, string>> & Partial<Reach>;

const rangesOf = ({ isolated: _, appClosed: __, ...ranges }: Remembered) => ranges as Record<NetworkName, string>;

/** The text of `subnets.json`. What is not so is left out, as versions before 0.5 wrote it. */
export const rememberedText = (subnets: Readonly<Record<string, string>>, { isolated, appClosed }: Reach): string =>
  `${JSON.stringify({ ...subnets, ...(isolated && { isolated }), ...(appClosed && { appClosed }) }, null, 1)}\n`;

/** How the networks are by now. There is nothing to close where nothing was made yet, or where no address outside is named. */
function reachBefore(remembered: Remembered, { settings, registry, facts }: Unplaced): Reach {
  const isNew = Object.keys(remembered).length === 0;
  return {
    isolated: remembered.isolated === true,
    appClosed: remembered.appClosed === true || isNew || !opensApp(settings, registry, facts),
  };
}

/** What a stack is built with, before its ranges are known. */
interface Unplaced {
  settings: Settings;
  state: StateFolder;
  registry: readonly ServiceDefinition[];
  facts: Omit<BuildFacts, 'subnets'>;
}

/** The networks' ranges: those of a running project as they are, else compared with what this host uses and reaches. */
export async function rangesFor(context: Context, { settings, state, registry, facts }: Unplaced, check: RangeCheck): Promise<Ranges> {
  const remembered = state.readJson<Remembered>('subnets.json', 'free ranges are chosen again') ?? {};
  const before = reachBefore(remembered, { settings, state, registry, facts });
  const isolation = await chooseIsolation(settings.project, before, check);
  const flips = isolation.isolated !== (remembered.isolated === true) || isolation.appClosed !== (remembered.appClosed === true);
  const wanted = settings.networks;
  const known = NETWORKS.filter((name) => remembered[name]);
  const kept = known.every((name) => wanted[name].subnet === 'auto' || wanted[name].subnet === remembered[name]);
  const inUse = kept && known.length > 0 && (check.running === true || !check.engine);
  const settled = known.length === NETWORKS.length;
  if (inUse && settled && !check.explain && !check.lost)
    return { subnets: rangesOf(remembered), moved: [], covers: [], reached: [], ...isolation, subnetsChanged: flips };
  // While nothing ran, another network may have taken a remembered range.
  const compares = !check.unchecked && !(inUse && settled && !check.lost);
  const networks = compares && check.engine ? await check.engine.networks() : [];
  const others = compares ? takenRanges(settings.project, networks) : [];
  const made = new Set(networks.filter(({ composeProject }) => composeProject === settings.project).map(({ name }) => name));
  const stays = (network: NetworkName): boolean => inUse && (!check.lost || made.has(networkName(settings.project, network)));
  const reached = check.unchecked ? [] : await rangesReached(context.env, settings, !settled);
  const choice = chooseSubnets(wanted, remembered, [...others, ...reached], addressNeeds(settings, registry, facts), stays);
  return {
    ...choice,
    reached: reached.map(({ subnet, by }) => `${subnet} (${by})`),
    ...isolation,
    subnetsChanged: flips || NETWORKS.some((name) => choice.subnets[name] !== remembered[name]),
  };
}

/** Ranges that others use. Routes of Docker's own bridges are reported by the networks that they belong to. */
function takenRanges(project: string, networks: Awaited<ReturnType<Engine['networks']>>): TakenRange[] {
  const known = new Set(networks.flatMap((network) => network.subnets));
  const others = networks.filter((network) => network.composeProject !== project);
  return [
    ...others.flatMap((network) => network.subnets.map((subnet) => ({ subnet, by: `the Docker network ${network.name}` }))),
    ...hostRoutes().filter((route) => !known.has(route.subnet)),
  ];
}
