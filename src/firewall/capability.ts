import type { Capability, Seen, StepHandlers } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { commands } from './commands/firewall.ts';
import type { Found } from './plan/verdict.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'remove-firewall': { project: string; folder: string; names: string[] };
  }
}

/** Who may reach the published ports of the stack: rules of the host, in a table of their own. */
export const firewall = {
  name: 'firewall',
  commands,
  groups: {
    firewall: { section: 'Security', summary: 'Who may reach the published ports: rules of this host, tried before they are kept' },
  },
  steps: {
    'remove-firewall': {
      describe: ({ names }) => `remove the firewall: ${names.join(', ')}`,
      perform: async ({ project, folder }, { context }) => (await import('./apply.ts')).removeAll(context, project, folder),
    },
  } satisfies Partial<StepHandlers>,
  up: {
    finished: async ({ context, project, stack }) => {
      if (!project.loaded.settings.firewall.enabled) return;
      const { readPolicy } = await import('./read-policy.ts');
      const { readRules } = await import('./store.ts');
      const { ruleset } = await import('./plan/ruleset.ts');
      try {
        if (readRules(project.state, 'confirmed')?.text === ruleset(await readPolicy(context, project, stack))) return;
        context.report.note('the rules of the firewall do not fit this stack: `sudo medianest firewall apply`');
      } catch (error) {
        // The stack runs: a list that cannot be read must not make this `up` fail.
        if (!(error instanceof UserError)) throw error;
        context.report.warn(`${error.message}; ${error.hint}`);
      }
    },
  },
  data: {
    remains: async ({ context, project }) => {
      const { remainsOf } = await import('./apply.ts');
      const { firewallFolder } = await import('./store.ts');
      const names = await remainsOf(context, project);
      if (names.length === 0) return [];
      const step = { project: project.loaded.settings.project, folder: firewallFolder(project.state), names };
      return [
        {
          what: 'the rules of the firewall',
          names,
          steps: [{ kind: 'remove-firewall', ...step, cause: 'the ports that they are for are gone' }],
        },
      ];
    },
  },
  checks: async (seen) => {
    const found = await look(seen);
    if (!found) return [];
    const { firewallChecks } = await import('./plan/verdict.ts');
    if (!(found instanceof UserError)) return firewallChecks(found);
    return [{ id: 'firewall', status: 'warn', message: `firewall: ${found.message}`, remedy: found.hint }];
  },
  notes: async (seen) => {
    const found = await look(seen);
    if (!found) return [];
    if (found instanceof UserError) return [`Firewall: ${found.message}`];
    const { verdict } = await import('./plan/verdict.ts');
    const { describeVerdict } = await import('./plan/describe.ts');
    const now = verdict(found);
    return now.state === 'off' && now.drift.length === 0 ? [] : [describeVerdict(now, found.unread)];
  },
} satisfies Capability;

/** Undefined where there is no firewall, and none is asked for; an error where settings, lists or the state folder cannot be read. */
async function look({ context, project, containers }: Seen): Promise<Found | UserError | undefined> {
  const { hasFirewall } = await import('./store.ts');
  if (!project.loaded.settings.firewall.enabled && !hasFirewall(project.state)) return undefined;
  const { readPolicy } = await import('./read-policy.ts');
  const { observe } = await import('./observe.ts');
  const ports = containers.flatMap((container) => container.ports);
  try {
    return await observe(project, await readPolicy(context, project), ports);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
