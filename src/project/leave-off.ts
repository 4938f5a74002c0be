import type { LeftOff } from '../settings/loaded.ts';
import type { Before, SettingsPart } from '../settings/part.ts';
import type { Layer, Merged } from '../settings/profile.ts';
import type { Settings } from '../settings/schema.ts';

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
