import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Context } from '../capability/capability.ts';
import { systemCode, UserError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { parseSettings } from '../settings/document.ts';
import { assignmentLayer } from '../settings/environment.ts';
import { migrateLayer } from '../settings/migrations.ts';
import { mergeLayers } from '../settings/profile.ts';
import { leaves, settingsSchema } from '../settings/schema.ts';
import { withValue } from './plan/init.ts';

/** What was said already: the file of answers, then flags. */
export async function given(
  context: Context,
  options: { answers: string | undefined; domains: string[] | undefined },
): Promise<JsonObject> {
  const fields = leaves(settingsSchema(await context.registry()));
  const file = options.answers === undefined ? undefined : path.resolve(context.cwd, options.answers);
  const layers = [
    ...(file ? [migrateLayer(parseSettings(read(file), file))] : []),
    ...(context.flags.set ?? []).map((text) => assignmentLayer(text, fields)),
  ];
  let settings = JSON.parse(JSON.stringify(mergeLayers(layers).data)) as JsonObject;
  const { profile, project } = context.flags;
  if (profile) settings = withValue(settings, ['profile'], profile);
  if (project) settings = withValue(settings, ['project'], project);
  if (options.domains) settings = withValue(settings, ['edge', 'domains'], options.domains);
  return settings;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError('USAGE', `the answers ${file} cannot be read (${systemCode(error)})`, 'correct --answers', { cause: error });
  }
}
