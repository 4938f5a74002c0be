import type { Context, Project, Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { controllerOf, memberStates } from '../members/agent-cli.ts';
import { type Fault, faultIn, manifestIfSound, stateFaults } from './state-files.ts';

/** Reads once what every check and note goes by. A controller that cannot be asked is one that does not answer. */
export async function look(context: Context, project: Project): Promise<Seen> {
  const engine = await context.engine();
  const manifest = manifestIfSound(project.state);
  const containers = await engine.observe(project.loaded.settings.project);
  const controller = controllerOf(manifest?.services);
  const [members, lives] = await Promise.all([
    controller ? memberStates(engine, containers, controller).catch(() => undefined) : {},
    engine.lives(containers.map(({ id }) => id)),
  ]);
  return { context, project, engine, manifest, containers, lives, members };
}

/** What every capability has to say, for `health`. */
export const collectChecks = (seen: Seen): Promise<Check[]> =>
  collect(
    seen,
    ({ checks }) => checks?.(seen),
    ({ message, remedy }) => ({ id: 'state-files', status: 'fail', message, remedy }),
  );

/** What every capability has to say, for `status`. */
export const collectNotes = (seen: Seen): Promise<string[]> =>
  collect(
    seen,
    ({ notes }) => notes?.(seen),
    ({ message, remedy }) => `${message}: ${remedy}`,
  );

/** A file of the state folder that is damaged, or cannot be read, silences the capability that reads it, and no other: it is told instead. */
async function collect<T>(
  { context, project: { state } }: Seen,
  ask: (capability: Awaited<ReturnType<Context['capabilities']>>[number]) => Promise<T[]> | T[] | undefined,
  tell: (fault: Fault) => T,
): Promise<T[]> {
  const capabilities = await context.capabilities();
  const faults = new Map(stateFaults(state).map((fault) => [fault.path, fault]));
  const told = await Promise.all(
    capabilities.map(async (capability) => {
      try {
        return (await ask(capability)) ?? [];
      } catch (error) {
        const fault = faultIn(error);
        if (!fault) throw error;
        // Who reads it says best what follows.
        faults.set(fault.path, fault);
        return [];
      }
    }),
  );
  return [...[...faults.values()].map(tell), ...told.flat()];
}
