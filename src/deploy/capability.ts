import type { Capability } from '../capability/capability.ts';
import { deploy as command, releases, rollback } from './commands/deploy.ts';
import { scale } from './commands/scale.ts';

const touchesApp = (only: readonly string[] | undefined): boolean => !only || only.includes('app');

/** Versions of the application, one replica after the other. */
export const deploy: Capability = {
  name: 'deploy',
  commands: [command, rollback, releases, scale],
  up: {
    announce: async ({ project: { state }, stack, only }) => {
      if (!touchesApp(only)) return [];
      const { readReleases } = await import('./store/release-store.ts');
      const { interruptedRelease } = await import('./plan/releases.ts');
      const half = interruptedRelease(readReleases(state), stack.overrides.app?.release);
      return half ? [`the deploy of ${half.id} was interrupted: it is rolled back`] : [];
    },
    finished: async ({ project: { state, loaded }, engine, stack, only, changed, started, seconds, command: name }) => {
      if (!touchesApp(only)) return;
      const { noteRelease } = await import('./store/release-store.ts');
      const replicas = stack.services.filter(({ component }) => component === 'app').map((service) => service.name);
      await noteRelease(state, engine, stack, loaded.settings.app as object, {
        changed: changed.some((service) => replicas.includes(service)),
        time: started,
        seconds,
        command: name,
      });
    },
  },
  notes: async ({ project: { state } }) => {
    const { readReleases } = await import('./store/release-store.ts');
    const { interruptedRelease } = await import('./plan/releases.ts');
    const { readOverrides } = await import('../reconcile/prepare.ts');
    const half = interruptedRelease(readReleases(state), readOverrides(state).app?.release);
    return half
      ? [`the deploy of ${half.id} (${half.image}) was interrupted: \`medianest deploy\` starts it again, \`medianest up\` rolls it back`]
      : [];
  },
};
