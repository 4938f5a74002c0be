import { UserError } from '../core/errors.ts';
import { CACHE_MODES } from './cache-fields.ts';
import type { Merged } from './profile.ts';
import type { Settings } from './schema.ts';

/**
 * `cache.mode` chooses the component, over what the profile says. @throws UserError INVALID_SETTINGS where the operator's own `components`
 * say another one, or where the whole stack is one container
 */
export function withCacheMode(settings: Settings, { origins }: Merged): Settings {
  const { mode } = settings.cache;
  if (mode === undefined) return settings;
  const layer = origins.get('cache.mode');
  const where = layer?.locate(['cache', 'mode']) ?? 'the settings';
  if (settings.components['all-in-one'] === true) {
    if (mode === 'single') return settings;
    throw new UserError(
      'INVALID_SETTINGS',
      `${where}: cache.mode: ${mode}: the profile ${settings.profile} has its Redis in the container of the application`,
      'choose a profile with services of their own, such as dev-compose, or leave the setting out',
      { path: where },
    );
  }
  const components = { ...settings.components };
  for (const [of, component] of Object.entries(CACHE_MODES)) {
    const wanted = of === mode;
    const said = origins.get(`components.${component}`);
    const own = said !== undefined && !said.origin.startsWith('profiles/');
    if (own && settings.components[component] !== wanted) {
      throw new UserError(
        'INVALID_SETTINGS',
        `${where}: cache.mode: ${mode}: components.${component} is ${settings.components[component]} (${said.locate(['components', component])})`,
        `leave out components.${component}`,
        { path: where },
      );
    }
    components[component] = wanted;
    if (layer && !own) origins.set(`components.${component}`, layer);
  }
  return { ...settings, components };
}
