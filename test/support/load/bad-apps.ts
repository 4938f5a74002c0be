import path from 'node:path';
import { docker, HOME } from '../cli.ts';

/** What an application image can do wrong; `good` is the portal with /fault/... added, `good-2` the same as another version, `moved` is ready at /ready, `errs` answers one request of ten with 500. */
export const BEHAVIOURS = [
  'good',
  'good-2',
  'never-listens',
  'wrong-port',
  'exits',
  'unhealthy',
  'never-ready',
  'dies',
  'moved',
  'errs',
] as const;
export type Behaviour = (typeof BEHAVIOURS)[number];

const REPOSITORY = `${process.env.TEST_PREFIX ?? 'mt'}-app`;
export const badApp = (behaviour: Behaviour): string => `${REPOSITORY}:${behaviour}`;

/** Builds them on the portal's image: a layer each. @param portal reference of the image that is there already */
export async function buildBadApps(portal: string, behaviours: readonly Behaviour[] = BEHAVIOURS): Promise<void> {
  for (const behaviour of behaviours) {
    const args = ['--build-arg', `PORTAL=${portal}`, '--build-arg', `BEHAVIOUR=${behaviour}`];
    const built = await docker(['build', '--quiet', ...args, '--tag', badApp(behaviour), path.join(HOME, 'test/support/load/bad-apps')]);
    if (built.status !== 0) throw new Error(built.stderr);
  }
}
