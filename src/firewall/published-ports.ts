import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';

/** What the engine publishes for this project; undefined where it does not answer. */
export async function publishedPorts(
  context: Context,
  { loaded }: Project,
): Promise<{ address: string; host: number; udp?: true }[] | undefined> {
  try {
    const engine = await context.engine();
    return (await engine.observe(loaded.settings.project)).flatMap(({ ports }) => ports);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}
