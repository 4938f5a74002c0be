import type { Capability, Seen, StepHandlers } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { commands } from './commands/front.ts';
import type { Claim } from './plan/claims.ts';
import type { Due } from './plan/due.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'join-front': { project: string; claim: Claim };
    'leave-front': { project: string };
    /** `image`: for a container that is not there. */
    'apply-front': { image: string; action: Due['action'] };
  }
}

/** Ports 80 and 443 of this host for several projects: a front passes each visitor on by the name that is asked for. */
export const front = {
  name: 'front',
  commands,
  groups: { front: { section: 'Machine', summary: 'What several projects share ports by (edge.shared)' } },
  steps: {
    'join-front': {
      describe: ({ claim }) => `join the front: ${claim.names.join(', ')}`,
      perform: async ({ project, claim }, run) => (await import('./perform.ts')).joinFront(project, claim, run),
    },
    'leave-front': {
      describe: () => 'leave the front; the last project removes it',
      perform: async ({ project }, run) => (await import('./perform.ts')).leaveFront(project, run.prepared.state.root, run),
      touches: true,
    },
    'apply-front': {
      describe: ({ action, cause }) => `${action === 'up' ? 'bring up' : 'reload'} the front: ${cause}`,
      perform: async ({ image }, run) => (await import('./perform.ts')).applyFront(image, run),
      touches: true,
    },
  } satisfies Partial<StepHandlers>,
  up: {
    gather: async (_project, { env }) => {
      const { frontPlace } = await import('./store.ts');
      return { facts: { front: frontPlace(env) }, steps: [] };
    },
    beside: async (request) => (await import('./beside.ts')).besideUp(request),
  },
  data: {
    leaves: async (leaving) => (await import('./beside.ts')).leaveSteps(leaving),
    remains: async (leaving) => {
      const steps = await (await import('./beside.ts')).leaveSteps(leaving);
      return steps.length > 0 ? [{ what: 'its part of the front', names: ['front'], steps }] : [];
    },
  },
  checks: async (seen) => {
    const names = sharedNames(seen);
    if (!names || seen.containers.length === 0) return [];
    const { checksOf } = await import('./status.ts');
    const { frontPlace } = await import('./store.ts');
    try {
      return await checksOf(frontPlace(seen.context.env), seen.engine, seen.project.loaded.settings.project, names);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [{ id: 'front', status: 'fail', message: error.message, remedy: error.hint }];
    }
  },
  notes: async (seen) => {
    if (!sharedNames(seen) || seen.containers.length === 0) return [];
    const { frontStatus } = await import('./status.ts');
    const { frontPlace } = await import('./store.ts');
    const { frontNote } = await import('./plan/status.ts');
    const { containersOf } = await import('../stack/roles.ts');
    try {
      const image = containersOf(seen.containers, seen.manifest?.services, 'balancer')[0]?.image;
      return [frontNote(await frontStatus(frontPlace(seen.context.env), seen.engine), seen.project.loaded.settings.project, image)];
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return [`Front: ${error.message}`];
    }
  },
} satisfies Capability;

/** The domains of a project that shares its ports; undefined of any other. */
function sharedNames({ project: { loaded } }: Seen): readonly string[] | undefined {
  const { edge, components } = loaded.settings as { edge?: { shared?: boolean; domains?: string[] }; components: Record<string, boolean> };
  return components.edge === true && edge?.shared ? edge.domains : undefined;
}
