import type { Capability } from '../capability/capability.ts';
import { readCarry } from './carry/journal.ts';
import { down } from './commands/down.ts';
import { exec } from './commands/exec.ts';
import { plan } from './commands/plan.ts';
import { render } from './commands/render.ts';
import { restart } from './commands/restart.ts';
import { uninstallCommand } from './commands/uninstall.ts';
import { upCommand } from './commands/up.ts';
import { reconcileSteps } from './steps.ts';

/** Brings a project to what its settings say, and takes it down. */
export const reconcile = {
  name: 'reconcile',
  commands: [upCommand, plan, exec, restart, down, uninstallCommand, render],
  steps: reconcileSteps,
  checks: async (seen) => {
    const [{ volumeChecks }, { openFinding }] = await Promise.all([import('./own-volume.ts'), import('../state/mend.ts')]);
    const open = openFinding(seen.project.state);
    return [...(open ? [{ id: 'state-folder', status: 'warn' as const, ...open }] : []), ...(await volumeChecks(seen))];
  },
  notes: ({ project, containers }) => {
    const carried = readCarry(project.state);
    const half =
      carried && (carried.kind === 'database' || carried.from !== project.loaded.settings.project)
        ? [`data of ${carried.from} is on its way: \`medianest up --carry-data\` continues`]
        : [];
    const out = project.state.drained().filter((name) => containers.some(({ service }) => service === name));
    if (out.length === 0) return half;
    return [...half, `${out.join(', ')} may still be drained at the balancer: \`medianest up\` enables it`];
  },
} satisfies Capability;
