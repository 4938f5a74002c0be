import type { Capability } from '../capability/capability.ts';
import { importDatabaseCommand } from './commands/import-database.ts';
import { importFilesCommand } from './commands/import-files.ts';
import { importSteps } from './steps.ts';

/** Data that an application had elsewhere. */
export const importing = {
  name: 'import',
  commands: [importDatabaseCommand, importFilesCommand],
  groups: { import: { section: 'Data', summary: 'Take over the data that an application has elsewhere: its database and files' } },
  steps: importSteps,
  checks: async ({ project: { state } }) => {
    const { readJournal } = await import('./database/journal.ts');
    const { interruptedChecks } = await import('./plan/interrupted.ts');
    return interruptedChecks(readJournal(state).underWay);
  },
  notes: async ({ project: { state } }) => {
    const { readJournal } = await import('./database/journal.ts');
    const { importNotes } = await import('./plan/interrupted.ts');
    return importNotes(readJournal(state));
  },
  data: {
    deleted: async (state) => {
      const { writeJournal } = await import('./database/journal.ts');
      writeJournal(state, () => ({ kept: [] }));
    },
  },
} satisfies Capability;
