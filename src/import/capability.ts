import type { Capability, Seen } from '../capability/capability.ts';
import { importDatabaseCommand } from './commands/import-database.ts';
import { importFilesCommand } from './commands/import-files.ts';
import { importSteps } from './steps.ts';

/** An import that was killed, with what of that it has stopped is still stopped. */
async function interrupted({ project: { state }, containers, engine }: Seen) {
  const { readJournal } = await import('./database/journal.ts');
  const { underWay } = readJournal(state);
  if (!underWay || underWay.stoppedApp.length + underWay.stoppedSource.length === 0) return underWay;
  const { stillStopped } = await import('./plan/interrupted.ts');
  const others = underWay.stoppedSource.length > 0 ? await engine.neighbours() : [];
  const services = containers.filter((container) => container.state === 'running').map(({ service }) => service);
  return stillStopped(
    underWay,
    services,
    others.map(({ name }) => name),
  );
}

/** Data that an application had elsewhere. */
export const importing = {
  name: 'import',
  commands: [importDatabaseCommand, importFilesCommand],
  groups: { import: { section: 'Data', summary: 'Take over the data that an application has elsewhere: its database and files' } },
  steps: importSteps,
  checks: async (seen) => {
    const { interruptedChecks } = await import('./plan/interrupted.ts');
    return interruptedChecks(await interrupted(seen));
  },
  notes: async (seen) => {
    const { readJournal } = await import('./database/journal.ts');
    const { importNotes } = await import('./plan/interrupted.ts');
    return importNotes(await interrupted(seen), readJournal(seen.project.state).kept);
  },
  data: {
    deleted: async (state) => {
      const { writeJournal } = await import('./database/journal.ts');
      writeJournal(state, () => ({ kept: [] }));
    },
  },
} satisfies Capability;
