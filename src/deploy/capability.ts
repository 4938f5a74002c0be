import type { Capability, FinishedUp } from '../capability/capability.ts';
import { bytes, plural } from '../core/plural.ts';
import type { Manifest } from '../stack/manifest.ts';
import { namesOf, withRole } from '../stack/roles.ts';
import type { Stack } from '../stack/types.ts';
import { deploy as command, releases, rollback } from './commands/deploy.ts';
import { scale } from './commands/scale.ts';
import { KEPT_SCHEDULE } from './plan/schedule.ts';

/** Whether an `up` of these components alone may change which release runs. */
const touchesApp = (stack: Stack, only: readonly string[] | undefined): boolean =>
  !only || withRole(stack.services, 'application').some(({ component }) => only.includes(component));

/** Which block of addresses each process has. */
const processNumbers = (services: Manifest['services'] = []): Record<string, number> =>
  Object.fromEntries(services.flatMap(({ process }) => (process && process.number >= 0 ? [[process.name, process.number] as const] : [])));

async function record(run: FinishedUp, more: { changed: boolean; error?: string }): Promise<void> {
  const { project, engine, stack, started: time, seconds, command: name, noted } = run;
  const { state, loaded } = project;
  const [{ migrationOf }, { noteRelease }, { servicesIn }] = await Promise.all([
    import('./plan/migrated.ts'),
    import('./store/release-store.ts'),
    import('./plan/deploy.ts'),
  ]);
  const { app = {} } = loaded.settings as { app?: object };
  const facts = { time, seconds, command: name, ...migrationOf(noted ?? {}), ...more };
  await noteRelease(state, engine, stack, { app, services: servicesIn(loaded.settings) }, facts);
}

/** Versions of the application, one replica after the other. */
export const deploy: Capability = {
  name: 'deploy',
  commands: [command, rollback, releases, scale],
  schedules: [KEPT_SCHEDULE],
  up: {
    gather: async ({ loaded, state }) => {
      const facts = { processNumbers: processNumbers(state.manifest()?.services) };
      const { migrate = [] } = (loaded.settings.app ?? {}) as { migrate?: string[] };
      // Only whether a migration is due depends on what has served.
      if (migrate.length === 0) return { facts, steps: [] };
      const { readReleases } = await import('./store/release-store.ts');
      const { currentRelease } = await import('./plan/releases.ts');
      const served = currentRelease(readReleases(state));
      return { facts: { ...facts, ...(served && { served: { image: served.image, settings: served.settings } }) }, steps: [] };
    },
    announce: async ({ project: { state }, stack, only }) => {
      if (!touchesApp(stack, only)) return [];
      const { readReleases } = await import('./store/release-store.ts');
      const { interruptedRelease } = await import('./plan/releases.ts');
      const half = interruptedRelease(readReleases(state), stack.overrides.app?.release);
      return half ? [`the deploy of ${half.id} was interrupted: it is rolled back`] : [];
    },
    finished: async (run) => {
      const { project, stack, only, changed } = run;
      if (!touchesApp(stack, only)) return;
      const { endKept, keptRelease } = await import('../state/kept.ts');
      if (keptRelease(project.state, new Date(0))?.replicas.some(({ service }) => changed.includes(service))) endKept(project.state);
      const replicas = namesOf(stack.services, 'application');
      await record(run, { changed: changed.some((service) => replicas.includes(service)) });
    },
    failed: async (run, error) => {
      // The database is another one from then on, whatever became of the replicas.
      if (!run.noted?.migrated) return;
      const [reason = ''] = (error as Error).message.split('\n');
      await record(run, { changed: true, error: reason });
    },
  },
  data: {
    remains: async ({ project, engine }) => {
      const { releaseTag } = await import('./plan/releases.ts');
      const { imagesNamed } = await import('../images/store/images.ts');
      const prefix = releaseTag(project.loaded.settings.project, '');
      const found = imagesNamed(await engine.images(), (ref) => ref.startsWith(prefix));
      return found.refs.length === 0
        ? []
        : [
            {
              what: `${plural(found.refs.length, 'image')} of releases (${bytes(found.bytes)} at most)`,
              names: found.refs,
              steps: [{ kind: 'remove-images', refs: found.refs, cause: 'no release is left to go back to' }],
            },
          ];
    },
  },
  checks: async ({ engine, manifest, containers }) => {
    const [balancer] = namesOf(manifest?.services ?? [], 'balancer');
    if (balancer === undefined || containers.length === 0) return [];
    const [{ servingReplicas }, { replicaChecks }] = await Promise.all([import('../reconcile/roll.ts'), import('./plan/replica-check.ts')]);
    const replicas = withRole(manifest?.services ?? [], 'application');
    return replicaChecks(balancer, replicas, await servingReplicas(engine, containers, balancer));
  },
  metrics: async ({ project: { state } }) => {
    const { readReleases } = await import('./store/release-store.ts');
    const { deployMetrics } = await import('./plan/deploy-metrics.ts');
    return deployMetrics(readReleases(state));
  },
  notes: async ({ context, containers, project: { state } }) => {
    const { keptRelease } = await import('../state/kept.ts');
    const { keptText } = await import('./plan/strategy.ts');
    const running = ({ service }: { service: string }) =>
      containers.some((entry) => entry.service === service && entry.state === 'running');
    const kept = keptRelease(state, context.clock.now());
    const { readReleases } = await import('./store/release-store.ts');
    const { interruptedRelease } = await import('./plan/releases.ts');
    const { readOverrides } = await import('../reconcile/prepare.ts');
    const half = interruptedRelease(readReleases(state), readOverrides(state).app?.release);
    return [
      ...(half
        ? [`the deploy of ${half.id} (${half.image}) was interrupted: \`medianest deploy\` starts it again, \`medianest up\` rolls it back`]
        : []),
      ...(kept?.replicas.every(running) ? [keptText(kept.release, kept.until ?? null)] : []),
    ];
  },
};
