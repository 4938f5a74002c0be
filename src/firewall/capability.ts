import type { Capability, Seen, StepHandlers } from '../capability/capability.ts';
import { commands } from './commands/firewall.ts';

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
      perform: async ({ project, folder }) => (await import('./apply.ts')).removeAll(project, folder),
    },
  } satisfies Partial<StepHandlers>,
  up: {
    finished: async ({ context, project, stack }) => {
      const { firewall: settings } = project.loaded.settings;
      if (!settings.enabled) return;
      const { readPolicy } = await import('./read-policy.ts');
      const { readRules } = await import('./store.ts');
      const { ruleset } = await import('./plan/ruleset.ts');
      if (readRules(project.state, 'confirmed')?.text === ruleset(await readPolicy(context, project, stack))) return;
      context.report.note('the rules of the firewall do not fit this stack: `sudo medianest firewall apply`');
    },
  },
  data: {
    remains: async ({ project }) => {
      const { remainsOf } = await import('./apply.ts');
      const { firewallFolder } = await import('./store.ts');
      const names = remainsOf(project);
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
    return firewallChecks(found);
  },
  notes: async (seen) => {
    const found = await look(seen);
    if (!found) return [];
    const { verdict } = await import('./plan/verdict.ts');
    const { describeVerdict } = await import('./plan/describe.ts');
    const now = verdict(found);
    return now.state === 'off' && now.drift.length === 0 ? [] : [describeVerdict(now, found.unread)];
  },
} satisfies Capability;

/** Undefined where there is no firewall, and none is asked for. */
async function look({ context, project, containers }: Seen) {
  const { hasFirewall } = await import('./store.ts');
  if (!project.loaded.settings.firewall.enabled && !hasFirewall(project.state)) return undefined;
  const { readPolicy } = await import('./read-policy.ts');
  const { observe } = await import('./observe.ts');
  return observe(
    project,
    await readPolicy(context, project),
    containers.flatMap(({ ports }) => ports),
  );
}
