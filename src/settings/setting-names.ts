import type { ServiceDefinition } from '../stack/service.ts';
import { leaves, settingsSchema } from './schema.ts';

/** Every setting by its path, and what it is. */
export const settingNames = (registry: readonly ServiceDefinition[]): { name: string; description: string }[] =>
  leaves(settingsSchema(registry)).map(({ path, description }) => ({ name: path.join('.'), description }));
