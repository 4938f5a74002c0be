import { volumeName } from '../../stack/labels.ts';
import { namesOf, withRole } from '../../stack/roles.ts';
import type { Service, Stack } from '../../stack/types.ts';
import type { Change } from './change.ts';
import type { UpFacts } from './facts.ts';
import type { Step } from './step.ts';

/** Whether a set can be made before: the stack makes backups, and there is something to back up. */
const canBackUp = (stack: Stack, hasData: boolean): boolean => hasData && withRole(stack.services, 'repository').length > 0;

/** Migrations that nothing could undo: they ask for a restore point, and the stack makes no backups. */
export const withoutRestorePoint = (stack: Stack): string[] =>
  stack.services.filter(({ migrates }) => migrates?.restorePoint && !canBackUp(stack, true)).map(({ name }) => name);

const touches = (step: Step, names: readonly string[]): boolean => {
  if (step.kind === 'replace' || step.kind === 'replace-worker' || step.kind === 'stop-worker') return names.includes(step.service);
  if (step.kind === 'compose-up') return step.services.some((name) => names.includes(name));
  return step.kind === 'switch-replicas' && step.from.some((name) => names.includes(name));
};

/**
 * With each of the migrations once, before the first container of the application is touched, of whichever process: all are one release.
 * A restore point comes before it. What it stands on is started first. Where all replicas stop for a new release, it runs while none does.
 * @param hasData there is a database that a restore point can be made of
 */
export function withMigrations(steps: readonly Step[], migrations: readonly Service[], stack: Stack, hasData: boolean): Step[] {
  return migrations.reduce((all, migration) => {
    const names = namesOf(stack.services, 'application');
    const first = all.findIndex((step) => touches(step, names));
    if (first < 0) return all;
    const point: Step[] =
      migration.migrates?.restorePoint && canBackUp(stack, hasData)
        ? [{ kind: 'make-restore-point', service: migration.name, cause: 'a migration cannot be undone otherwise' }]
        : [];
    const run: Step = { kind: 'run-one-off', service: migration.name, cause: 'app.migrate, once before the first replica' };
    const step = all[first] as Step;
    const before = step.kind === 'compose-up' ? startedBefore(step, names, stack) : [];
    const stops = step.kind === 'switch-replicas' || step.kind === 'stop-worker';
    const stopped = all.findIndex(
      (entry, index) => index > first && (entry.kind === 'compose-up' || entry.kind === 'replace-worker') && touches(entry, names),
    );
    const at = stops && stopped > first ? stopped : first;
    return [...all.slice(0, first), ...before, ...point, ...all.slice(first, at), run, ...all.slice(at)];
  }, steps as Step[]);
}

/** What starts together with the replicas, needs none of them and leads no visitor to them. */
function startedBefore(step: Step<'compose-up'>, replicas: readonly string[], stack: Stack): Step[] {
  const balancers = stack.services.flatMap(({ name, rolling }) => (rolling && replicas.includes(name) ? [rolling.balancer] : []));
  const needing = new Set([...replicas, ...balancers]);
  const services = stack.services.filter(({ name }) => step.services.includes(name));
  for (let size = 0; size !== needing.size; ) {
    size = needing.size;
    for (const { name, after } of services) if (after.some((other) => needing.has(other))) needing.add(name);
  }
  const others = services.filter(({ name }) => !needing.has(name)).map(({ name }) => name);
  if (others.length === 0) return [];
  const forced = step.forced.filter((name) => others.includes(name));
  return [{ kind: 'compose-up', services: others, forced, alone: true, waitSeconds: step.waitSeconds, cause: 'a migration needs it' }];
}

/** Those of an `up`: replicas come up for the first time, or of another image. A deploy runs its own. */
export function dueMigrations(stack: Stack, facts: UpFacts, changes: readonly Change[]): Service[] {
  if (facts.deploying) return [];
  return stack.services.filter((migration) => {
    if (!migration.migrates?.due) return false;
    const replicas = withRole(stack.services, 'application').filter(({ component }) => component === migration.component);
    const containers = facts.containers.filter(({ service }) => replicas.some(({ name }) => name === service));
    const changed = (name: string) => changes.some(({ service, action }) => service === name && action === 'recreate');
    const renewed = containers.some(({ service, image }) => changed(service) && image !== migration.image.ref);
    return containers.length === 0 || renewed;
  });
}

/** Whether the database has a volume already; what was not asked may be there. */
export const hasDatabase = (stack: Stack, { volumesMade, containers }: UpFacts): boolean =>
  withRole(stack.services, 'database').some(
    ({ name, mounts }) =>
      containers.some(({ service }) => service === name) ||
      mounts.some(({ kind, source }) => kind === 'volume' && (!volumesMade || volumeName(stack.project, source) in volumesMade)),
  );
