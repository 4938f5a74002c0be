import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { exists, ownership } from '../core/files.ts';
import { shortHash } from '../core/hash.ts';
import { composeArgs } from '../docker/compose.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import { isTaken, processOn } from '../host/ports.ts';
import { isGone } from '../reconcile/refuse-foreign.ts';
import type { Lock } from '../state/lock.ts';
import { type Claims, publishedBy } from './plan/claims.ts';
import { type Due, due, isStuck } from './plan/due.ts';
import { composeFile, configFiles, inputsOf } from './plan/files.ts';
import * as store from './store.ts';

const PREFIX = 'medianest-front-';

/** The front's container; undefined where there is none. @throws UserError ENGINE_AWAY */
export const observeFront = async (engine: Engine, { name }: store.Place): Promise<ObservedContainer | undefined> =>
  (await engine.observe(name)).find(({ service }) => service === 'front');

/**
 * Projects of the front that are gone: their state folder is proven to be, and the engine has no container of them. A folder alone
 * may be on a disk that is not mounted. @param own the project that asks: its containers may have moved to another folder
 */
export async function vanishedProjects({ projects }: Claims, own: string, engine: Engine): Promise<ReadonlySet<string>> {
  const gone = Object.entries(projects).filter(([, { stateFolder }]) => isGone(stateFolder));
  const found = await Promise.all(gone.map(async ([name]) => (name === own || (await engine.observe(name)).length === 0 ? [name] : [])));
  return new Set(found.flat());
}

/** What is to be done so that the front serves these claims. @param newest the image that it is to run from; without it, it keeps its own */
export function dueFor(place: store.Place, claims: Claims, container: ObservedContainer | undefined, newest?: string): Due | undefined {
  const published = publishedBy(claims);
  if (!published) return undefined;
  const wanted = {
    inputs: inputsOf(place, published),
    config: shortHash(configFiles(claims)),
    ...(newest !== undefined && { image: newest }),
  };
  const applied = store.currentConfig(place) === wanted.config ? store.readApplied(place) : undefined;
  return due({ container, applied, lost: isLost(place, container) }, wanted);
}

/** Each configuration that a front reads is noted; no note is left where its folder was deleted. */
const isLost = (place: store.Place, container: ObservedContainer | undefined): boolean =>
  container !== undefined && store.readApplied(place) === undefined;

/** What `applyClaims` may use. */
export interface Reach {
  context: Context;
  engine: Engine;
  lock: Lock;
}

/** A start waits for as long until the container is healthy. */
const START_SECONDS = 60;

/**
 * Brings the front in line with its claims, under its lock: a container where none is, a reload where one runs.
 * @param image what a new container is made from; undefined where only a front that is there is changed
 * @throws UserError CONFIG_REFUSED, PORT_TAKEN, ENGINE_FAILED
 */
export async function applyClaims(
  place: store.Place,
  claims: Claims,
  image: string | undefined,
  { context, engine, lock }: Reach,
  renew = false,
): Promise<Due | undefined> {
  const published = publishedBy(claims);
  const container = await observeFront(engine, place);
  const from = renew ? image : (container?.image ?? image);
  if (!published || from === undefined) return undefined;
  const found = dueFor(place, claims, container, renew ? from : undefined);
  if (!found) return undefined;
  const before = store.currentConfig(place);
  const hash = store.switchConfig(place, configFiles(claims));
  const applied = before === hash ? store.readApplied(place) : undefined;
  const stuck = isStuck({ container, applied, lost: isLost(place, container) }, hash);
  const file = () => store.writeCompose(place, composeFile({ ...place, image: from }, published));
  if (found.action === 'up') await start(place, file(), stuck ? ['--force-recreate'] : [], { context, lock });
  else {
    const { exitCode, output } = await engine.exec((container as ObservedContainer).id, ['/usr/local/bin/reload']);
    if (exitCode !== 0) {
      if (before) store.switchTo(place, before);
      throw new UserError(
        'CONFIG_REFUSED',
        `the front does not take its new configuration: ${output.trim().split('\n').slice(-3).join(' | ')}; it serves as before`,
        `docker logs ${(container as ObservedContainer).name} shows more; then run the same command again`,
      );
    }
  }
  store.writeApplied(place, hash);
  store.removeOldConfigs(place, hash);
  return found;
}

async function start(
  place: store.Place,
  file: string,
  how: readonly string[],
  { context, lock }: Pick<Reach, 'context' | 'lock'>,
): Promise<void> {
  const docker = await context.docker();
  const up = ['up', '--detach', '--wait', '--wait-timeout', String(START_SECONDS), '--pull', 'never', '--remove-orphans', ...how];
  const { exitCode, tail } = await docker.run(composeArgs(place.name, place.root, [file], ...up), {
    signal: context.signal,
    onStart: (pid) => lock.noteChild(pid),
  });
  if (exitCode === 0) return;
  const said = tail.slice(-3).join(' | ');
  const taken = /port is already allocated|address already in use/.test(tail.join(' '));
  throw new UserError(
    taken ? 'PORT_TAKEN' : 'ENGINE_FAILED',
    `the front did not start: ${said}`,
    taken
      ? 'stop what has the port, then run `medianest up` again'
      : `docker logs ${place.name}-front-1 shows more; then run \`medianest up\` again`,
  );
}

/** Removes the front with all that it has, under its lock. @throws UserError PARTIAL */
export async function removeFront(place: store.Place, { context, lock }: Pick<Reach, 'context' | 'lock'>): Promise<void> {
  const file = store.composeFileOf(place);
  if (exists(file)) {
    const docker = await context.docker();
    const { exitCode, tail } = await docker.run(composeArgs(place.name, place.root, [file], 'down', '--remove-orphans'), {
      signal: context.signal,
      onStart: (pid) => lock.noteChild(pid),
    });
    if (exitCode !== 0)
      throw new UserError(
        'PARTIAL',
        `the front could not be removed: ${tail.slice(-3).join(' | ')}`,
        'run the same command again: it continues',
      );
  }
  store.removeFiles(place);
}

/**
 * @param own ports that containers of the project have now and give up before the front starts
 * @throws UserError PORT_TAKEN where something else has a port that the front is to have
 */
export async function refuseTakenFrontPorts(place: store.Place, claims: Claims, own: readonly number[], engine: Engine): Promise<void> {
  const published = publishedBy(claims);
  if (!published) return;
  for (const address of published.addresses)
    for (const port of [published.httpPort, published.httpsPort]) {
      if (own.includes(port) || !(await isTaken(address, port))) continue;
      const owner = (await engine.portOwner(port)) ?? processOn(port) ?? 'another program (run as root to see which)';
      // Its own; another `up` may have started it just now.
      if (owner.endsWith(` ${place.name}`)) continue;
      throw new UserError(
        'PORT_TAKEN',
        `port ${port} on ${address}, which the front is to have, is already in use by ${owner}${await ownedBy(owner, engine)}; nothing was changed`,
        owner.includes(PREFIX)
          ? 'only the user of that folder changes that front: run medianest as that user, or give this project another address or other ports'
          : 'if that is another project of medianest, set `edge.shared: true` there and run `medianest up` there first; otherwise stop it, or choose other ports',
      );
    }
}

/** ` (of maria (uid 1000), from /home/maria/...)` of the front of another user. */
async function ownedBy(owner: string, engine: Engine): Promise<string> {
  const project = /of the Compose project (medianest-front-\w+)$/.exec(owner)?.[1];
  const folder = project && (await engine.observe(project))[0]?.stateFolder;
  return folder ? ` (the front of ${ownership(folder).owner}, in ${folder})` : '';
}
