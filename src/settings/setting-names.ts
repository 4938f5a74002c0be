import type { SettingsPart } from './part.ts';
import { leaves, settingsSchema } from './schema.ts';

/** Every setting by its path, and what it is. */
export const settingNames = (registry: readonly SettingsPart[]): { name: string; description: string }[] =>
  leaves(settingsSchema(registry)).map(({ path, description }) => ({ name: path.join('.'), description }));
