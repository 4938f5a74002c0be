import * as z from 'zod';
import type { JsonObject } from '../core/json.ts';
import type { SettingsPart } from './part.ts';
import { settingsSchema } from './schema.ts';

/** The schema of medianest.yml in the format that editors know (JSON Schema 2020-12). @param profiles names to choose from */
export function settingsJsonSchema(registry: readonly SettingsPart[], profiles: readonly string[]): JsonObject {
  const schema = z.toJSONSchema(settingsSchema(registry), {
    io: 'input',
    unrepresentable: 'any',
    override: ({ jsonSchema, zodSchema }) => {
      // Only secrets are custom: a text whose value is never shown.
      if (zodSchema._zod.def.type === 'custom') Object.assign(jsonSchema, { type: 'string', writeOnly: true });
      // An editor would show the expression for addresses, which says less than their name.
      if (jsonSchema.format) delete jsonSchema.pattern;
      // `key: {}` would be offered for every group.
      if (jsonSchema.type === 'object' && JSON.stringify(jsonSchema.default) === '{}') delete jsonSchema.default;
    },
  }) as unknown as JsonObject & { properties: Record<string, JsonObject> };
  const summaries = Object.fromEntries(registry.map(({ name, summary }) => [name, { type: 'boolean', description: summary }]));
  Object.assign(schema.properties.components as JsonObject, { properties: summaries });
  // Where no setting says it, the loader takes it from the folder.
  delete (schema.properties.project as JsonObject).default;
  Object.assign(schema.properties.profile as JsonObject, { examples: [...profiles] });
  return { ...schema, $id: 'urn:medianest:settings', title: 'medianest.yml' };
}
