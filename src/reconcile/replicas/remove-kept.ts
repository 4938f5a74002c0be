import type { Execution } from '../../capability/capability.ts';
import { endKept, keptRelease } from '../../state/kept.ts';

/** The release before, which is kept for a rollback, is given up: its replicas use the same data as those that serve. */
export async function removeKept({ engine, prepared: { state, project } }: Execution): Promise<void> {
  const kept = keptRelease(state, new Date(0));
  if (!kept) return;
  const serving = new Set(state.manifest()?.services.map(({ name }) => name));
  const names = kept.replicas.map(({ service }) => service).filter((name) => !serving.has(name));
  const containers = (await engine.observe(project)).filter(({ service }) => names.includes(service));
  await Promise.all(containers.map(({ id }) => engine.stopContainer(id)));
  endKept(state);
}
