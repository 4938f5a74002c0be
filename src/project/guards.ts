import type { Context, Intent } from '../capability/capability.ts';
import type { StateFolder } from '../state/state.ts';

/** Asks each capability whether a change may begin; the one that the change resumes is not asked. @throws UserError by the one that refuses */
export async function askGuards(context: Pick<Context, 'capabilities'>, state: StateFolder, intent: Intent = {}): Promise<void> {
  for (const { name, guard } of await context.capabilities()) if (name !== intent.resumes) await guard?.(state, intent);
}
