import type { StepKind } from '../capability/capability.ts';

declare module '../capability/capability.ts' {
  interface StepKinds {
    /** A set that the migration by this service can be undone by. */
    'make-restore-point': { service: string };
  }
}

/** Others ask for it; a restore has steps of its own. */
export const restorePointStep: { 'make-restore-point': StepKind<'make-restore-point'> } = {
  'make-restore-point': {
    describe: ({ service }) => `back up everything, as restore point before ${service}`,
    perform: async (step, run) => (await import('./restore-point.ts')).makeRestorePoint(step, run),
    quiet: true,
  },
};
