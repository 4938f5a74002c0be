import type { ObservedContainer } from '../../docker/types.ts';
import type { Added, AddedService } from '../../stack/override/added.ts';
import type { Change } from './change.ts';
import type { Step } from './step.ts';

/** What happens to the services that the operator's override adds; Compose does it, as with services of ours. */
export const addedChanges = (added: Added, containers: readonly ObservedContainer[], stateFolder: string): Change[] =>
  added.services
    .filter(({ count }) => count > 0)
    .map((service) => {
      const [action, cause] = actionOf(service, containers, stateFolder);
      const stops = action === 'recreate';
      return { service: service.name, action, cause, downtime: stops ? 'while its container is replaced' : 'none', dataRisk: 'none' };
    });

function actionOf(
  { name, inputs, count }: AddedService,
  all: readonly ObservedContainer[],
  stateFolder: string,
): [Change['action'], string] {
  const own = all.filter(({ service }) => service === name);
  if (own.length === 0) return ['create', 'compose.override.yml adds it'];
  if (own.some((entry) => entry.inputs !== inputs)) return ['recreate', 'changed: compose.override.yml'];
  const moved = own.find((entry) => entry.stateFolder !== stateFolder);
  if (moved) return ['recreate', `the state folder moved from ${moved.stateFolder}`];
  if (own.length !== count) return ['start', `compose.override.yml wants ${count} of it (there are ${own.length})`];
  const unwell = own.find(({ state, health }) => state !== 'running' || health === 'starting' || health === 'unhealthy');
  if (!unwell) return ['keep', 'unchanged'];
  return ['start', `it is ${unwell.state === 'running' ? `${unwell.health}: wait for it` : unwell.state}`];
}

/**
 * Whether a container is one that an override has added before 0.5, when these had no label of ours: the next `up` removes it
 * unless the override still has it. One of an included file is Compose's to keep or remove.
 */
export const leavesAsAdded = (container: ObservedContainer, { includes }: Added, stateFolder: string): boolean =>
  container.project === undefined && container.stateFolder === stateFolder && !includes;

/** Images of added services that the engine lacks. `up` builds none of them. */
export const addedPulls = (added: Added, missing: readonly string[]): Step[] =>
  [...new Set(added.services.flatMap(({ image }) => image ?? []))]
    .filter((ref) => missing.includes(ref))
    .map((ref) => ({ kind: 'pull-image', ref, cause: 'a service of compose.override.yml needs it' }));
