import type { Check } from '../capability/check.ts';
import type { Engine } from '../docker/types.ts';
import type { Claims } from './plan/claims.ts';
import { type FrontStatus, frontChecks } from './plan/status.ts';
import { observeFront } from './running.ts';
import { currentConfig, type Place, readApplied, readClaims } from './store.ts';

/** What is known of the front. @throws UserError where its folder cannot be read */
export async function frontStatus(place: Place, engine: Engine): Promise<FrontStatus> {
  const container = await observeFront(engine, place);
  const claims: Claims = readClaims(place);
  const current = currentConfig(place);
  return {
    ...place,
    image: container?.image,
    state: !container ? 'missing' : container.state === 'running' ? container.health : container.state,
    reads: current !== undefined && current === readApplied(place),
    claims,
  };
}

/** For `health` of one project. */
export async function checksOf(place: Place, engine: Engine, project: string, names: readonly string[]): Promise<Check[]> {
  return frontChecks(await frontStatus(place, engine), project, names);
}
