import type { Capability, Leaving, Seen, Step, StepHandlers } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { commands } from './commands/storage.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'open-storage': { make: boolean };
    'make-volume-folders': { folders: string[] };
    'remove-storage': { names: string[] };
  }
}

/** Encryption at rest: the folder that the volumes of the stack are bound to, and its key. */
export const storage = {
  name: 'storage',
  commands,
  groups: { storage: { section: 'Data', summary: 'Encryption of the data on this host: unlock, lock, other keys, move data' } },
  steps: {
    'open-storage': {
      describe: ({ make }) => (make ? 'make the encrypted folder of the data' : 'unlock the data'),
      perform: async (_step, { context }) => {
        const { reopen } = await import('../project/open.ts');
        return (await import('./beside.ts')).openStorage(context, await reopen(context));
      },
    },
    'make-volume-folders': {
      describe: ({ folders }) => `make ${folders.length === 1 ? 'a folder' : `${folders.length} folders`} for encrypted volumes`,
      perform: async ({ folders }) => (await import('./open-storage.ts')).makeVolumeFolders(folders),
    },
    'remove-storage': {
      describe: ({ names }) => `remove the encrypted data and its key: ${names.join(', ')}`,
      perform: async (_step, { context }) => {
        const { reopen } = await import('../project/open.ts');
        return (await import('./remove.ts')).removeStorage(await reopen(context));
      },
    },
  } satisfies Partial<StepHandlers>,
  up: {
    beside: async (request) => {
      const { hasStorage } = await import('./store.ts');
      return hasStorage(request.project) ? (await import('./beside.ts')).besideUp(request) : undefined;
    },
    begins: async (request) => {
      if (request.project.loaded.settings.storage.encrypt) await (await import('./beside.ts')).askFirst(request);
    },
  },
  data: {
    withVolumes: async (leaving) => (await removal(leaving)).steps,
    remains: async (leaving) => {
      const { names, steps } = await removal(leaving);
      return names.length > 0 ? [{ what: 'the encrypted folder', names, steps }] : [];
    },
  },
  guard: async (state, intent) => {
    // The VPN and the bastion have no data, and may run while it is locked.
    if (intent.takesDown || intent.removesAccess) return;
    const { refuseLocked } = await import('./guard.ts');
    refuseLocked(state, intent);
  },
  kit: async (_context, project) => {
    const { hasStorage } = await import('./store.ts');
    return hasStorage(project) ? (await import('./keys.ts')).kitPart(project) : undefined;
  },
  checks: async (seen) => {
    const found = await look(seen);
    if (!found) return [];
    const { storageCheck } = await import('./plan/verdict.ts');
    if (!(found instanceof UserError)) return [storageCheck({ ...found, tpm: (await import('./keys.ts')).tryTpm(seen.project) })];
    return [{ id: 'storage', status: 'warn', message: `encrypted data: ${found.message}`, remedy: found.hint }];
  },
  notes: async (seen) => {
    const found = await look(seen);
    if (!found) return [];
    if (found instanceof UserError) return [`Encrypted data: ${found.message}`];
    const { storageNote } = await import('./plan/verdict.ts');
    return storageNote(found);
  },
} satisfies Capability;

async function removal({ project, engine }: Leaving): Promise<{ names: string[]; steps: Step[] }> {
  const { refusePreviews, remainsOf } = await import('./remove.ts');
  const names = remainsOf(project);
  if (names.length > 0) await refusePreviews(project, engine);
  return { names, steps: names.length > 0 ? [{ kind: 'remove-storage', names, cause: 'the volumes in it are gone' }] : [] };
}

/** Undefined where nothing is encrypted, and nothing is to be; an error where it cannot be told. */
async function look({ project }: Seen) {
  const { hasStorage, verdictFacts } = await import('./store.ts');
  if (!hasStorage(project)) return undefined;
  try {
    return verdictFacts(project);
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
}
