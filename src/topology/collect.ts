import type { Context, Project } from '../capability/capability.ts';
import { controllerOf, memberStates } from '../members/agent-cli.ts';
import { prepare } from '../reconcile/prepare.ts';
import { tracesEndpoint } from '../services/shared/traces.ts';
import { type Seen, type Topology, topology } from './plan/topology.ts';

/** The stack as it is rendered, or as it runs: one read of the engine, and one question to the cluster controller. */
export async function pictureOf(context: Context, { loaded }: Project, live: boolean): Promise<Topology> {
  const { stack } = await prepare(context, loaded, { running: true, unchecked: true, asLeftOut: true });
  const outside = { ...loaded.settings.external, traces: { url: tracesEndpoint(loaded) } };
  return topology(stack, outside, live ? await look(context, loaded.settings.project, stack.services) : undefined);
}

async function look(context: Context, project: string, services: readonly { member?: { controller: string } }[]): Promise<Seen> {
  const engine = await context.engine();
  const containers = await engine.observe(project);
  const controller = controllerOf(services);
  return { containers, members: (await memberStates(engine, containers, controller)) ?? {} };
}
