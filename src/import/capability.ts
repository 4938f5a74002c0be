import type { Capability, Seen } from '../capability/capability.ts';
import { importCacheCommand } from './commands/import-cache.ts';
import { importDatabaseCommand } from './commands/import-database.ts';
import { importFilesCommand } from './commands/import-files.ts';
import { importSteps } from './steps.ts';

/** Imports that were killed, with what of that they have stopped is still stopped. */
async function interrupted({ project: { state }, containers, engine }: Seen) {
  const { readJournal } = await import('./database/journal.ts');
  const { underWay, cache } = readJournal(state);
  const stopped = [underWay, cache].flatMap((one) => (one ? [...one.stoppedApp, ...one.stoppedSource] : []));
  if (stopped.length === 0) return { underWay, cache };
  const { stillStopped } = await import('./plan/interrupted.ts');
  const others = [underWay, cache].some((one) => one && one.stoppedSource.length > 0) ? await engine.neighbours() : [];
  const services = containers.filter((container) => container.state === 'running').map(({ service }) => service);
  const names = others.map(({ name }) => name);
  return { underWay: underWay && stillStopped(underWay, services, names), cache: cache && stillStopped(cache, services, names) };
}

/** Data that an application had elsewhere. */
export const importing = {
  name: 'import',
  commands: [importDatabaseCommand, importFilesCommand, importCacheCommand],
  groups: { import: { section: 'Data', summary: 'Take over the data that an application has elsewhere: its database, files and cache' } },
  steps: importSteps,
  checks: async (seen) => {
    const { interruptedChecks, interruptedCacheChecks } = await import('./plan/interrupted.ts');
    const { underWay, cache } = await interrupted(seen);
    return [...interruptedChecks(underWay), ...interruptedCacheChecks(cache)];
  },
  notes: async (seen) => {
    const { readJournal } = await import('./database/journal.ts');
    const { importNotes } = await import('./plan/interrupted.ts');
    const { underWay, cache } = await interrupted(seen);
    return importNotes(underWay, readJournal(seen.project.state).kept, cache);
  },
  data: {
    deleted: async (state) => {
      const { writeJournal } = await import('./database/journal.ts');
      writeJournal(state, () => ({ kept: [] }));
    },
  },
} satisfies Capability;
