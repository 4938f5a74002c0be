import type { Capability, Schedule } from '../capability/capability.ts';
import { BASTION } from '../services/bastion/names.ts';
import { commands } from './commands/bastion.ts';

const SCHEDULE: Schedule = {
  group: 'bastion',
  what: 'noting sessions of the bastion in the audit log',
  runsAtInstall: false,
  role: 'bastion',
  asked: (settings) => settings.components[BASTION] === true,
  timers: [{ name: 'bastion', cron: '* * * * *', jitter: 0, command: ['bastion', 'audit'], longest: '10min' }],
};

/** Who may come in to administer: by SSH with a key and a code, to listed services alone. */
export const bastion = {
  name: 'bastion',
  commands,
  groups: {
    bastion: {
      section: 'Security',
      summary: 'Who may reach database and monitoring by SSH, with a key and a code',
    },
  },
  schedules: [SCHEDULE],
  up: {
    finished: async ({ context, project, changed }) => {
      if (!changed.includes(BASTION)) return;
      const { readHostKey } = await import('./people.ts');
      context.report.note(`the bastion’s host key is ${readHostKey(project.state).fingerprint} (medianest bastion show)`);
    },
  },
  checks: async ({ context, project, containers }) => {
    const { hasBastion } = await import('./people.ts');
    if (!hasBastion(project) || containers.length === 0) return [];
    const { checkBastion } = await import('./observe.ts');
    return checkBastion(context, project, containers);
  },
  notes: async ({ project }) => {
    const { hasBastion, readPeople } = await import('./people.ts');
    if (!hasBastion(project)) return [];
    const { bastionSettingsOf } = await import('./observe.ts');
    const { UserError } = await import('../core/errors.ts');
    try {
      return [`Bastion: port ${bastionSettingsOf(project).port}; ${readPeople(project.state).length} may come in (medianest bastion list)`];
    } catch (error) {
      if (error instanceof UserError) return [`Bastion: ${error.message}`];
      throw error;
    }
  },
} satisfies Capability;
