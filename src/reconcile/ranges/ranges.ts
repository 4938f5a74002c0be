import type { Context } from '../../capability/capability.ts';
import type { Engine } from '../../docker/types.ts';
import type { Settings } from '../../settings/schema.ts';
import { addressNeeds, type BuildFacts } from '../../stack/build.ts';
import type { ServiceDefinition } from '../../stack/service.ts';
import { chooseSubnets, type SubnetChoice, type TakenRange } from '../../stack/subnets.ts';
import { NETWORKS, type NetworkName } from '../../stack/types.ts';
import type { StateFolder } from '../../state/state.ts';
import { chooseIsolation, type IsolationCheck } from './isolation.ts';
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
}

export interface Ranges extends SubnetChoice {
  /** What this host has to reach, one by one; empty where it was not asked. */
  reached: string[];
  /** Internal networks have no address of their host. */
  isolated: boolean;
  /** What keeps them from it although the engine can: one line. */
  notIsolated?: string | undefined;
  subnetsChanged: boolean;
}

/** What `subnets.json` holds. */
type Remembered = Partial<Record<NetworkName, string>> & { isolated?: boolean };

const rangesOf = ({ isolated: _, ...ranges }: Remembered) => ranges as Record<NetworkName, string>;

/** The text of `subnets.json`. Without isolation it stays as versions before 0.5 wrote it. */
export const rememberedText = (subnets: Readonly<Record<string, string>>, isolated: boolean): string =>
  `${JSON.stringify({ ...subnets, ...(isolated && { isolated }) }, null, 1)}\n`;

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
  const { isolated, notIsolated } = await chooseIsolation(settings.project, remembered.isolated === true, check);
  const isolation = { isolated, notIsolated };
  const flips = isolated !== (remembered.isolated === true);
  const wanted = settings.networks;
  const settled = NETWORKS.every(
    (name) => remembered[name] && (wanted[name].subnet === 'auto' || wanted[name].subnet === remembered[name]),
  );
  const inUse = settled && (check.running === true || !check.engine);
  if (inUse && !check.explain)
    return { subnets: rangesOf(remembered), moved: [], covers: [], reached: [], ...isolation, subnetsChanged: flips };
  // While nothing ran, another network may have taken a remembered range.
  const others = check.unchecked || inUse ? [] : await takenRanges(settings.project, check.engine);
  const first = NETWORKS.some((name) => remembered[name] === undefined);
  const reached = check.unchecked ? [] : await rangesReached(context.env, settings, first);
  const choice = chooseSubnets(wanted, remembered, [...others, ...reached], addressNeeds(settings, registry, facts));
  return {
    ...choice,
    reached: reached.map(({ subnet, by }) => `${subnet} (${by})`),
    ...isolation,
    subnetsChanged: flips || NETWORKS.some((name) => choice.subnets[name] !== remembered[name]),
  };
}

/** Ranges that others use. Routes of Docker's own bridges are reported by the networks that they belong to. */
async function takenRanges(project: string, engine: Engine | undefined): Promise<TakenRange[]> {
  const networks = engine ? await engine.networks() : [];
  const known = new Set(networks.flatMap((network) => network.subnets));
  const others = networks.filter((network) => network.composeProject !== project);
  return [
    ...others.flatMap((network) => network.subnets.map((subnet) => ({ subnet, by: `the Docker network ${network.name}` }))),
    ...hostRoutes().filter((route) => !known.has(route.subnet)),
  ];
}
