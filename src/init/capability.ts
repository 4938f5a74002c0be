import type { Capability } from '../capability/capability.ts';
import { configSchema, configShow, configValidate } from './commands/config.ts';
import { configMigrate } from './commands/config-migrate.ts';
import { init as command } from './commands/init.ts';
import { profiles } from './commands/profiles.ts';

/** How a project begins: its settings and profiles. */
export const init: Capability = {
  name: 'init',
  commands: [command, profiles, configShow, configValidate, configSchema, configMigrate],
  groups: { config: { section: 'Start', summary: 'The settings: show them with their origins, check them, complete them in an editor' } },
};
