import type { StepHandlers, StepKind } from '../../capability/capability.ts';
import type { RestoreSteps } from '../plan/restore-steps.ts';

/** What carries a step out is loaded with the first one: this list is part of every start. */
const later =
  <K extends keyof RestoreSteps>(kind: K): StepKind<K>['perform'] =>
  async (step, run, task) => {
    const { performers } = await import('./perform.ts');
    return performers[kind](step, run, task);
  };

/** The steps of a restore in place. Those that are quiet show their own progress, or are too short for it. */
export const restoreSteps = {
  'take-safety-set': {
    describe: () => 'back up what there is now',
    perform: later('take-safety-set'),
    quiet: true,
  },
  'choose-member': {
    describe: () => 'find the member that has everything that was acknowledged',
    perform: later('choose-member'),
    quiet: true,
  },
  'restore-database': {
    describe: ({ target }) => (target ? 'restore the database beside the one that runs' : 'give the old database a timeline of its own'),
    perform: later('restore-database'),
  },
  'begin-replacing': {
    describe: () => 'note that data is being replaced',
    perform: later('begin-replacing'),
    quiet: true,
  },
  'start-base': {
    describe: ({ services }) => `start ${services.join(', ')}`,
    perform: later('start-base'),
    touches: true,
    quiet: true,
  },
  'stop-writers': {
    describe: ({ services }) => `stop ${services.join(', ')}`,
    perform: later('stop-writers'),
    touches: true,
  },
  'swap-database': {
    describe: ({ back }) => (back ? 'put the old database back' : 'put the restored database in its place'),
    perform: later('swap-database'),
    touches: true,
  },
  'forget-cluster': {
    describe: () => 'remove the leader and the history of the other database from etcd',
    perform: later('forget-cluster'),
    touches: true,
    quiet: true,
  },
  'restore-files': {
    describe: ({ back }) => (back ? 'put the old uploads back' : 'restore the uploads'),
    perform: later('restore-files'),
    touches: true,
  },
  'restore-cache': {
    describe: ({ back }) => (back ? 'put the old cache back' : 'restore the cache'),
    perform: later('restore-cache'),
    touches: true,
  },
  'start-database': {
    describe: ({ member }) => `start ${member}`,
    perform: later('start-database'),
    touches: true,
  },
  'end-replacing': {
    describe: () => 'note that all data is in its place',
    perform: later('end-replacing'),
    quiet: true,
  },
  'tell-repository': {
    describe: () => 'tell the repository',
    perform: later('tell-repository'),
  },
  'restore-settings': {
    describe: () => 'write medianest.yml and its profiles',
    perform: later('restore-settings'),
    touches: true,
    quiet: true,
  },
  'await-members': {
    describe: () => 'wait until every member takes part',
    perform: later('await-members'),
  },
  'end-restore': {
    describe: () => 'note that the restore has ended',
    perform: later('end-restore'),
    quiet: true,
  },
  'take-full-set': {
    describe: () => 'make a new full backup',
    perform: later('take-full-set'),
    quiet: true,
  },
} satisfies Pick<StepHandlers, keyof RestoreSteps>;
