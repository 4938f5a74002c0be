import { UserError } from '../../core/errors.ts';
import { shortHash } from '../../core/hash.ts';
import type { Change } from '../../reconcile/plan/change.ts';
import { withMigrations } from '../../reconcile/plan/migrations.ts';
import type { Step } from '../../reconcile/plan/step.ts';
import { app } from '../../services/app/app.ts';
import { balancer } from '../../services/app/balancer.ts';
import { type AppVersion, appIdentity, appVersion, type Overrides, processesIn, servicesOf } from '../../stack/overrides.ts';
import { namesOf, withRole } from '../../stack/roles.ts';
import type { ImageSpec, Stack } from '../../stack/types.ts';
import { previousRelease, processTag, type Release, releaseTag } from './releases.ts';

/** What is going to be put into service. */
export interface Candidate {
  release: string;
  image: string;
  /** Processes that have an image of their own, and that. */
  images: Record<string, string>;
  version: AppVersion;
  overrides: (before: Overrides) => Overrides;
}

/** What a deploy touches, all processes of the application and their balancer: nothing else that medianest.yml may have changed. */
export const deployedOf = (settings: object): string[] => [app.name, balancer.name, ...Object.keys(servicesIn(settings))];

/** The processes beside the first, as medianest.yml has them. */
export const servicesIn = (settings: object): Services => servicesOf(settings) as Services;

type Services = Readonly<Record<string, { image?: string; replicas: number }>>;

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

/** The application in medianest.yml. */
export interface AsWritten {
  app: { image?: string };
  portal: ImageSpec;
  services?: Services;
}

/**
 * @param wanted an image, or a release to go back to; the settings' own image where neither is given
 * @throws UserError INVALID_SETTINGS for a release with a process that medianest.yml no longer has
 */
export function candidateOf(
  { app, portal, services = {} }: AsWritten,
  wanted: { image?: string | undefined; target: Release | undefined },
  release: string,
  project: string,
): Candidate {
  const { image, target } = wanted;
  const version = target?.version ?? appVersion({ ...app, ...(image && { image }) }, services);
  refuseGone(version, services, target);
  const instead = appIdentity(app, portal.ref, services);
  const images = ownImages(version);
  const tags = Object.keys(images).map((name) => [name, processTag(project, release, name)]);
  const refs = tags.length > 0 && { refs: Object.fromEntries(tags) as Record<string, string> };
  return {
    release,
    image: target?.image ?? image ?? app.image ?? portal.ref,
    images,
    version,
    overrides: (before) => ({ ...before, app: { release, ref: releaseTag(project, release), ...refs, version, instead } }),
  };
}

/** Processes of a version that have an image of their own, and that. */
export const ownImages = (version: AppVersion): Record<string, string> =>
  Object.fromEntries(
    Object.entries(processesIn(version)).flatMap(([name, { image }]) => (typeof image === 'string' ? [[name, image] as const] : [])),
  );

function refuseGone(version: AppVersion, services: Services, target: Release | undefined): void {
  const gone = Object.keys(processesIn(version)).find((name) => !services[name]);
  if (!target || gone === undefined) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `the process ${gone} is part of the release ${target.id}, and medianest.yml has it no more; nothing was changed`,
    `put \`services.${gone}\` back, medianest up, then the same command again`,
  );
}

/** Name of an image -> its id by now; undefined where the engine has none of that name. */
export type ImageIds = Readonly<Record<string, string | undefined>>;

/**
 * Overrides that keep what serves if medianest.yml, or the image behind its name, has moved on since: a deploy that fails
 * or is killed goes back to that, not on to what medianest.yml says by now.
 * @param ids of the images that go by the names of what serves
 */
export function keepServing(before: Overrides, serving: Release | undefined, file: AsWritten, ids: ImageIds, project: string): Overrides {
  if (!serving) return before;
  const { app, portal, services = {} } = file;
  const instead = appIdentity(app, portal.ref, services);
  const held = before.app?.release === serving.id ? before.app : undefined;
  if (held) return held.instead === instead ? before : { ...before, app: { ...held, instead } };
  const same = ids[serving.image] === serving.imageId;
  const images = Object.entries(serving.images ?? {});
  const refs = images.map(
    ([name, { image, imageId }]) => [name, ids[image] === imageId ? image : processTag(project, serving.id, name)] as const,
  );
  const unmoved = same && images.every(([, { image, imageId }]) => ids[image] === imageId);
  const asked = app.image ?? portal.ref;
  if (unmoved && serving.image === asked && serving.settings === shortHash(appVersion(app, services))) return before;
  const ref = same ? serving.image : releaseTag(project, serving.id);
  return {
    ...before,
    app: { release: serving.id, ref, ...(refs.length > 0 && { refs: Object.fromEntries(refs) }), version: serving.version, instead },
  };
}

/** Processes that visitors do not reach yet: the edge, which is no part of a deploy, has no routes to them. */
export function unroutedIn(before: Stack, after: Stack): string[] {
  const routes = (stack: Stack) =>
    withRole(stack.services, 'edge').flatMap(({ view }) => (view.routes ?? []) as { pattern: string; process: string }[]);
  const known = routes(before).map(({ pattern, process }) => `${process} ${pattern}`);
  return [...new Set(routes(after).flatMap(({ pattern, process }) => (known.includes(`${process} ${pattern}`) ? [] : [process])))];
}

/** Replicas of both kinds stand behind one balancer for a while: it speaks TLS to all of them, or to none. */
export function refuseOtherProtocol(before: Stack, after: Stack): void {
  const known = withRole(before.services, 'application');
  const other = withRole(after.services, 'application').flatMap((replica) => {
    const same = known.find(({ component, rolling }) => component === replica.component && rolling && replica.rolling);
    return same && Boolean(same.certificate) !== Boolean(replica.certificate) ? [Boolean(same.certificate)] : [];
  });
  const [tls] = other;
  if (tls === undefined) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `the running version is spoken to ${tls ? 'over TLS' : 'in plain HTTP'} and this one would not be; nothing was changed`,
    tls
      ? 'where the image serves HTTPS with the files in TLS_CERT_FILE and TLS_KEY_FILE: `app.tls: true`; otherwise `app.tls: false` and `medianest up` first'
      : '`app.tls: false` in medianest.yml keeps plain HTTP',
  );
}

/**
 * The steps of a deploy: those of an `up` with the new version, the migration before the first container is touched, and
 * the override remembered only after all of them have succeeded.
 * @param back to a release that has served: its migrations are in the database, and many tools refuse one that knows more than they do
 */
export function deploySteps(steps: readonly Step[], stack: Stack, back = false): Step[] {
  const own = steps.filter((step) => step.kind !== 'store-overrides');
  if (back) return own;
  const migrations = stack.services.filter(({ migrates }) => migrates !== undefined);
  return withMigrations(own, migrations, stack, withRole(stack.services, 'database').length > 0);
}
