import type { SettingsPart } from './part.ts';
import type { Layer, Merged } from './profile.ts';
import type { Settings } from './schema.ts';

/** What was here before this version of the settings. */
export interface Before {
  /** A stack of the same profile was started from the state folder, and never had this secret. @throws UserError if that cannot be read */
  ranWithout(secret: string): boolean;
}

/** Why a component stays off. */
export interface Leave {
  /** What decides it, as `config show` names it: a setting, or the state folder. */
  by: string;
  /** What the operator is told; left out where the component would have nothing to do. */
  told?: { why: string; fix: string };
}

export interface LeftOff {
  component: string;
  why: string;
  fix: string;
}

/**
 * A default must not make settings fail that are good without it: a component that a profile of medianest's own switches on stays off where
 * its service says so. What the operator has asked for is left alone.
 */
export function leaveOff(
  settings: Settings,
  { origins }: Merged,
  registry: readonly SettingsPart[],
  before: Before,
): { settings: Settings; leftOff: LeftOff[] } {
  const components = { ...settings.components };
  const leftOff: LeftOff[] = [];
  for (const { name, leaveOff: judge } of registry) {
    const path = `components.${name}`;
    if (!judge || components[name] !== true || !origins.get(path)?.shipped) continue;
    const left = judge(settings, before);
    if (!left) continue;
    components[name] = false;
    origins.set(path, layerOf(left.by, name));
    if (left.told) leftOff.push({ component: name, ...left.told });
  }
  return { settings: { ...settings, components }, leftOff };
}

const layerOf = (origin: string, component: string): Layer => ({
  origin,
  data: { components: { [component]: false } },
  locate: () => origin,
});
