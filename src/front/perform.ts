import type { Execution } from '../capability/capability.ts';
import { type Claim, joined, left } from './plan/claims.ts';
import { applyClaims, type Reach, removeFront, vanishedProjects } from './running.ts';
import * as store from './store.ts';

type Run = Pick<Execution, 'context' | 'engine'>;

/** Under the front's lock. */
export async function withFront<T>(
  { context, engine }: Run,
  command: string,
  work: (place: store.Place, reach: Reach) => Promise<T>,
): Promise<T> {
  const place = store.frontPlace(context.env);
  const onWait = (holder: { command: string; user: string }) =>
    context.report.note(`waiting for the front: \`${holder.command}\` by ${holder.user} changes it`);
  return store.withFrontLock(place, { command, signal: context.signal, onWait }, (lock) => work(place, { context, engine, lock }));
}

/** Notes what the project is to be passed, and makes the folder of its sockets; the front reads it when the edge serves. */
export const joinFront = (project: string, claim: Claim, run: Run): Promise<void> =>
  withFront(run, `up of ${project}`, async (place) => {
    // Another project may have come since the plan was made.
    const claims = store.readClaims(place);
    store.writeClaims(place, joined(claims, project, claim, await vanishedProjects(claims, project, run.engine)));
    store.makeSockets(place, project);
  });

export const applyFront = (image: string, run: Run, renew = false) =>
  withFront(run, 'a change of the front', async (place, reach) => applyClaims(place, store.readClaims(place), image, reach, renew));

/** The names are free, and the last project takes the front with it. */
export async function leaveFront(project: string, stateFolder: string, run: Run): Promise<void> {
  const place = store.frontPlace(run.context.env);
  await withFront(run, `the end of ${project}`, async (_place, reach) => {
    const claims = store.readClaims(place);
    const rest = left(claims, project, stateFolder, await vanishedProjects(claims, project, run.engine));
    if (rest === claims) return;
    if (Object.keys(rest.projects).length === 0) return removeFront(place, reach);
    store.writeClaims(place, rest);
    await applyClaims(place, rest, undefined, reach);
    store.removeSockets(place, project);
  });
  if (Object.keys(store.readClaims(place).projects).length === 0) store.removeFolder(place);
}
