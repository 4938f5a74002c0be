import { UserError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import type { SettingsPart } from './part.ts';
import { type Layer, type Merged, mergeLayers } from './profile.ts';
import type { Settings } from './schema.ts';

/** A component that a shipped or own profile names is "not built yet"; one that only medianest.yml names is a slip of the pen. */
export function checkComponents(settings: Settings, merged: Merged, registry: readonly SettingsPart[], chain: readonly Layer[]): void {
  const known = registry.map((service) => service.name);
  const profileComponents = Object.keys(mergeLayers(chain).data.components ?? {});
  for (const name of Object.keys(settings.components)) {
    if (known.includes(name) || profileComponents.includes(name)) continue;
    const where = merged.origins.get(`components.${name}`)?.locate(['components', name]) ?? 'the settings';
    throw new UserError(
      'INVALID_SETTINGS',
      `${where}: components.${name}: is not a component; ${didYouMean(name, [...new Set([...known, ...profileComponents])])}`,
      `correct ${where}`,
      { path: where },
    );
  }
  const missing = Object.entries(settings.components).flatMap(([name, on]) => (on && !known.includes(name) ? [name] : []));
  if (missing.length > 0) {
    throw new UserError(
      'NOT_BUILT_YET',
      `profile ${settings.profile} needs ${missing.join(', ')}, which ${missing.length > 1 ? 'are' : 'is'} not built yet`,
      'use --profile dev or --profile dev-compose; nothing was changed',
    );
  }
}

/** `images:` takes any name in the schema; one that no service asks for is a slip of the pen. */
export function checkImages(settings: Settings, merged: Merged, registry: readonly SettingsPart[]): void {
  const known = ['base', ...registry.map((service) => service.name)];
  const unknown = Object.keys(settings.images).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const where = merged.origins.get(`images.${unknown}`)?.locate(['images', unknown]) ?? 'the settings';
  throw new UserError(
    'INVALID_SETTINGS',
    `${where}: images.${unknown}: is not an image; ${didYouMean(unknown, known)}`,
    `correct ${where}`,
    {
      path: where,
    },
  );
}
