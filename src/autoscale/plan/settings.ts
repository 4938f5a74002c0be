import type { AutoscaleSettings } from '../../services/app/autoscale.ts';
import type { Settings } from '../../settings/schema.ts';
import type { Overrides } from '../../stack/overrides.ts';

interface App {
  autoscale?: AutoscaleSettings;
  replicas: number;
  maxReplicas: number;
  memory: number;
}

export const appOf = (settings: Settings): App => settings.app as App;

/** The limits and targets; undefined where autoscaling is off. */
export const autoscaleOf = (settings: Settings): AutoscaleSettings | undefined => appOf(settings).autoscale;

/** There is something to scale: replicas behind a balancer. */
export const isBalanced = ({ components }: Settings): boolean => components.balancer === true;

/** How many replicas should run: by `scale` while `app.replicas` says what it said then, else by that. */
export function countOf(settings: Settings, { replicas: scaled }: Overrides): number {
  const { replicas, maxReplicas } = appOf(settings);
  return scaled?.instead === replicas && scaled.count <= maxReplicas ? scaled.count : replicas;
}
