import { UserError } from '../../core/errors.ts';
import { shortHash } from '../../core/hash.ts';
import type { Change } from '../../reconcile/plan/change.ts';
import { withMigrations } from '../../reconcile/plan/migrations.ts';
import type { Step } from '../../reconcile/plan/step.ts';
import { app } from '../../services/app/app.ts';
import { balancer } from '../../services/app/balancer.ts';
import { type AppVersion, appIdentity, appVersion, type Overrides } from '../../stack/overrides.ts';
import { namesOf, withRole } from '../../stack/roles.ts';
import type { ImageSpec, Stack } from '../../stack/types.ts';
import { previousRelease, type Release, releaseTag } from './releases.ts';

/** What is going to be put into service. */
export interface Candidate {
  release: string;
  image: string;
  version: AppVersion;
  overrides: (before: Overrides) => Overrides;
}

/** What a deploy touches: nothing else that medianest.yml may have changed. */
export const DEPLOYED = [app.name, balancer.name];

/** @throws UserError NOT_RUNNING where there is nothing to replace */
export function refuseUnready(stack: Stack, changes: readonly Change[]): void {
  const replicas = namesOf(stack.services, 'application').length > 0;
  const created = changes.filter((change) => change.action === 'create').map((change) => change.service);
  if (replicas && created.length === 0) return;
  throw new UserError(
    'NOT_RUNNING',
    replicas
      ? `${created.join(', ')} of ${stack.project} does not run; nothing was changed`
      : 'this profile has no replicas to deploy to; nothing was changed',
    replicas ? 'medianest up' : 'medianest up --profile prod',
  );
}

/** The release to go back to. @throws UserError NO_RELEASE */
export function findTarget(releases: readonly Release[], wanted: string): Release {
  const served = releases.filter(({ result }) => result === 'deployed');
  const found = wanted === 'previous' ? previousRelease(releases) : served.find(({ id }) => id === wanted);
  if (found) return found;
  throw new UserError(
    'NO_RELEASE',
    wanted === 'previous'
      ? 'there is no earlier release to go back to; nothing was changed'
      : `there is no release ${wanted} that ever served; nothing was changed`,
    served.length > 0 ? `medianest releases lists them: ${served.map(({ id }) => id).join(', ')}` : 'medianest releases',
  );
}

/**
 * @param app the application's settings in medianest.yml
 * @param wanted an image, or a release to go back to; the settings' own image where neither is given
 */
export function candidateOf(
  app: { image?: string },
  portal: ImageSpec,
  wanted: { image?: string | undefined; target: Release | undefined },
  release: string,
  project: string,
): Candidate {
  const { image, target } = wanted;
  const version = target?.version ?? appVersion({ ...app, ...(image && { image }) });
  const instead = appIdentity(app, portal.ref);
  return {
    release,
    image: target?.image ?? image ?? app.image ?? portal.ref,
    version,
    overrides: (before) => ({ ...before, app: { release, ref: releaseTag(project, release), version, instead } }),
  };
}

/**
 * Overrides that keep what serves if medianest.yml, or the image behind its name, has moved on since: a deploy that fails
 * or is killed goes back to that, not on to what medianest.yml says by now.
 * @param named id of the image that goes by the name of what serves; undefined if the name no longer exists
 */
export function keepServing(
  before: Overrides,
  serving: Release | undefined,
  file: { app: { image?: string }; portal: ImageSpec },
  named: string | undefined,
  project: string,
): Overrides {
  if (!serving) return before;
  const instead = appIdentity(file.app, file.portal.ref);
  const held = before.app?.release === serving.id ? before.app : undefined;
  if (held) return held.instead === instead ? before : { ...before, app: { ...held, instead } };
  const same = named === serving.imageId;
  const asked = file.app.image ?? file.portal.ref;
  if (same && serving.image === asked && serving.settings === shortHash(appVersion(file.app))) return before;
  const ref = same ? serving.image : releaseTag(project, serving.id);
  return { ...before, app: { release: serving.id, ref, version: serving.version, instead } };
}

/** Replicas of both kinds stand behind one balancer for a while: it speaks TLS to all of them, or to none. */
export function refuseOtherProtocol(before: Stack, after: Stack): void {
  const tls = (stack: Stack) => withRole(stack.services, 'application').some(({ certificate }) => certificate);
  if (tls(before) === tls(after)) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `the running version is spoken to ${tls(before) ? 'over TLS' : 'in plain HTTP'} and this one would not be; nothing was changed`,
    tls(before)
      ? 'where the image serves HTTPS with the files in TLS_CERT_FILE and TLS_KEY_FILE: `app.tls: true`; otherwise `app.tls: false` and `medianest up` first'
      : '`app.tls: false` in medianest.yml keeps plain HTTP',
  );
}

/**
 * The steps of a deploy: those of an `up` with the new version, the migration before the first container is touched, and
 * the override remembered only after all of them have succeeded.
 */
export function deploySteps(steps: readonly Step[], stack: Stack): Step[] {
  const own = steps.filter((step) => step.kind !== 'store-overrides');
  const migrations = stack.services.filter(({ migrates }) => migrates !== undefined);
  return withMigrations(own, migrations, stack, withRole(stack.services, 'database').length > 0);
}
