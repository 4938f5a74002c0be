import type { Capability } from '../capability/capability.ts';
import { cdnPurge } from './commands/cdn.ts';
import { maintenanceOff, maintenanceOn } from './commands/maintenance.ts';
import { openCommand } from './commands/open.ts';
import { maintenanceChecks } from './plan/maintenance-checks.ts';

/** The way in: maintenance, and the cache of static files. */
export const edge: Capability = {
  name: 'edge',
  commands: [openCommand, maintenanceOn, maintenanceOff, cdnPurge],
  checks: async ({ project }) => {
    const { readOverrides } = await import('../reconcile/prepare.ts');
    return maintenanceChecks(readOverrides(project.state).maintenance);
  },
  groups: {
    maintenance: { section: 'Change', summary: 'Close the portal to visitors while you work on it, and open it again' },
    cdn: { section: 'Change', summary: 'The edge’s cache of static files' },
  },
};
