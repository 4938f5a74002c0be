import type { Leaving, Step, UpRequest } from '../capability/capability.ts';
import type { Engine } from '../docker/types.ts';
import type { StateFolder } from '../state/state.ts';
import { type Claim, type Claims, claimOf, joined } from './plan/claims.ts';
import { dueFor, observeFront, refuseTakenFrontPorts, vanishedProjects } from './running.ts';
import { frontPlace, hasSockets, readClaims, socketsOf } from './store.ts';

const EDGE_SECONDS = 60;

const sameClaims = (a: Claims, b: Claims): boolean => JSON.stringify(a) === JSON.stringify(b);

/** What an `up` has to do about the front: join it, leave it, or see that it serves. @throws UserError where it must not */
export async function besideUp({ context, project: { state }, engine, stack, only }: UpRequest) {
  const place = frontPlace(context.env);
  const edge = stack.services.find(({ front }) => front);
  if (only && !only.includes(edge?.component ?? 'edge')) return undefined;
  const claims = readClaims(place);
  if (!edge?.front) {
    const own = claims.projects[stack.project];
    if (own?.stateFolder !== state.root) return undefined;
    const last = Object.keys(claims.projects).length === 1;
    return { first: [leaveStep(stack.project, 'its ports are its own again')], frees: last ? [own.httpPort, own.httpsPort] : [], last: [] };
  }
  const wanted = joined(claims, stack.project, claimOf(edge.front, state.root), await vanishedProjects(claims, stack.project, engine));
  const container = await observeFront(engine, place);
  // The front runs from the image of the balancer, which is HAProxy too.
  const image = stack.services.find(({ role }) => role === 'balancer')?.image.ref as string;
  const found = dueFor(place, wanted, container);
  if (found?.action === 'up') {
    const held = (await engine.observe(stack.project)).flatMap(({ ports }) => ports.flatMap(({ host, udp }) => (udp ? [] : [host])));
    await refuseTakenFrontPorts(place, wanted, held, engine);
  }
  const names = edge.front.names.join(', ');
  const joins = !sameClaims(claims, wanted) || !hasSockets(place, stack.project);
  const first: Step[] = joins
    ? [
        {
          kind: 'join-front',
          project: stack.project,
          claim: wanted.projects[stack.project] as Claim,
          cause: `the front is to pass on ${names}`,
        },
      ]
    : [];
  const { name: edgeService } = edge;
  const restart: Step = {
    ...{ kind: 'compose-restart', services: [edgeService], waitSeconds: EDGE_SECONDS },
    cause: 'the folder of its sockets was deleted while it ran',
  };
  const stale =
    !hasSockets(place, stack.project) &&
    (await runsWith(socketsOf(place, stack.project), edgeService, { project: stack.project, state, engine }));
  const applied: Step[] = found ? [{ kind: 'apply-front', image, cause: found.cause, action: found.action }] : [];
  return { first, frees: [], last: [...(stale ? [restart] : []), ...applied] };
}

/** Whether the container of a service runs that mounts a folder, by what was rendered last. */
async function runsWith(
  folder: string,
  service: string,
  { project, state, engine }: { project: string; state: StateFolder; engine: Engine },
): Promise<boolean> {
  const mounts = state.manifest()?.files.some(({ contents }) => contents.includes(JSON.stringify(folder))) === true;
  const found = mounts ? await engine.observe(project) : [];
  return found.some((entry) => entry.service === service && entry.state === 'running');
}

const leaveStep = (project: string, cause: string): Step => ({ kind: 'leave-front', project, cause });

/** What `down` and `uninstall` do about it. */
export async function leaveSteps({ context, project: { loaded, state } }: Leaving): Promise<Step[]> {
  const name = loaded.settings.project;
  return readClaims(frontPlace(context.env)).projects[name]?.stateFolder === state.root ? [leaveStep(name, 'the project stops')] : [];
}
