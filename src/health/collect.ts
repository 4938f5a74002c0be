import type { Context, Project, Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { controllerOf, memberStates } from '../members/agent-cli.ts';

/** Reads once what every check and note goes by. A controller that cannot be asked is one that does not answer. */
export async function look(context: Context, project: Project): Promise<Seen> {
  const engine = await context.engine();
  const manifest = project.state.manifest();
  const containers = await engine.observe(project.loaded.settings.project);
  const controller = controllerOf(manifest?.services);
  const [members, lives] = await Promise.all([
    controller ? memberStates(engine, containers, controller).catch(() => undefined) : {},
    engine.lives(containers.map(({ id }) => id)),
  ]);
  return { context, project, engine, manifest, containers, lives, members };
}

/** What every capability has to say, for `health`. */
export const collectChecks = (seen: Seen): Promise<Check[]> => collect(seen, ({ checks }) => checks?.(seen));

/** What every capability has to say, for `status`. */
export const collectNotes = (seen: Seen): Promise<string[]> => collect(seen, ({ notes }) => notes?.(seen));

async function collect<T>(
  { context }: Seen,
  ask: (capability: Awaited<ReturnType<Context['capabilities']>>[number]) => Promise<T[]> | T[] | undefined,
): Promise<T[]> {
  const capabilities = await context.capabilities();
  return (await Promise.all(capabilities.map(async (capability) => (await ask(capability)) ?? []))).flat();
}
