import type { Check } from '../../capability/check.ts';
import { type Claims, publishedBy } from './claims.ts';

/** The front as it is. */
export interface FrontStatus {
  name: string;
  root: string;
  image: string | undefined;
  /** `healthy`, `starting`, `unhealthy`; `missing` without a container, or the engine's word for one that does not run. */
  state: string;
  /** It was told to read the configuration that is on disk. */
  reads: boolean;
  claims: Claims;
}

const listens = (claims: Claims): string => {
  const published = publishedBy(claims);
  return published ? `${published.addresses.join(', ')}, ports ${published.httpPort} and ${published.httpsPort}` : 'nowhere';
};

/** Lines for a person: the front, then its projects and their names. */
export function describeFront(status: FrontStatus): string {
  const { claims, state, root } = status;
  const projects = Object.entries(claims.projects);
  if (projects.length === 0) return 'No project shares ports here.';
  return [
    `front: ${state}, at ${listens(claims)}`,
    ...projects.map(([project, { names, stateFolder }]) => `  ${project}  ${names.join(', ')}  (${stateFolder})`),
    `state folder: ${root}`,
  ].join('\n');
}

/** One line for `status` of a project. @param image what its balancer runs from; undefined where that does not run */
export function frontNote({ claims, state, image: its }: FrontStatus, project: string, image: string | undefined): string {
  const others = Object.keys(claims.projects).filter((name) => name !== project);
  const differs = its !== undefined && image !== undefined && its !== image;
  const renew = differs ? '; it runs from another image than this project’s balancer: `medianest front up` replaces it' : '';
  return `Front: ${state}, at ${listens(claims)}; ${others.length > 0 ? `shared with ${others.join(', ')}` : 'no other project shares it'}${renew}`;
}

/** What `health` says of the front, as far as a project depends on it. @param names those that the project is to be passed */
export function frontChecks(status: FrontStatus, project: string, names: readonly string[]): Check[] {
  const { state, claims, reads } = status;
  const check = (verdict: Check['status'], message: string, remedy?: string): Check[] => [
    { id: 'front', status: verdict, message, ...(remedy && { remedy }) },
  ];
  const claimed = claims.projects[project]?.names ?? [];
  const lacks = names.filter((name) => !claimed.includes(name));
  if (lacks.length > 0) return check('fail', `the front does not pass on ${lacks.join(', ')} to this project`, 'medianest up');
  if (state === 'starting') return check('warn', 'the front is starting');
  if (state !== 'healthy' && state !== 'none')
    return check('fail', `the front is ${state}: no visitor reaches this project`, 'medianest up');
  if (!reads) return check('warn', 'the front has not read its newest configuration: a command was interrupted', 'medianest up');
  return check('ok', `the front serves ${claimed.join(', ')} at ${listens(claims)}`);
}
