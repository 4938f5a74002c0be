import type { StepHandlers } from '../capability/capability.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    'remove-preview': { preview: string };
    'empty-repository': { folder: string };
  }
}

/** What `uninstall` removes of backups. */
export const removalSteps = {
  'remove-preview': {
    describe: (step) => `remove the preview ${step.preview}, with its data`,
    perform: async (step, { docker }) => (await import('./restore/preview.ts')).removePreview(docker, step.preview),
  },
  'empty-repository': {
    describe: (step) => `delete all backups in ${step.folder}`,
    perform: async (step) => (await import('./remains.ts')).emptyRepository(step.folder),
  },
} satisfies Partial<StepHandlers>;
