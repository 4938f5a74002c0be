import { UserError } from '../../../core/errors.ts';
import type { Process } from './process.ts';

/** Requests that go to a process beside `app`: those to a name, or below a path, or both. */
export interface Route {
  process: string;
  /** Undefined for every name. */
  host: string | undefined;
  /** `/` for all of it. */
  path: string;
}

/** The routes of all processes, as nginx tries them: those of a name before those of every name, longer paths first. */
export function routesOf(processes: readonly Process[]): Route[] {
  const routes = processes.flatMap(({ name, beside }): Route[] => {
    if (!beside || (beside.paths.length === 0 && beside.host === undefined)) return [];
    const paths = beside.paths.length > 0 ? beside.paths : ['/'];
    return paths.map((path) => ({ process: name, host: beside.host, path }));
  });
  return routes.sort(
    (a, b) => Number(b.host !== undefined) - Number(a.host !== undefined) || b.path.length - a.path.length || (a.path < b.path ? -1 : 1),
  );
}

const text = ({ host = '', path }: Route): string => `${host}${path}`;

/** @throws UserError INVALID_SETTINGS where two processes claim the same requests, or one claims all of `app` */
export function refuseClaimedTwice(routes: readonly Route[], domains: readonly string[]): void {
  for (const [index, route] of routes.entries()) {
    const other = routes.slice(0, index).find((before) => text(before) === text(route));
    const all = route.path === '/' && domains.includes(route.host ?? '');
    if (!other && !all) continue;
    throw new UserError(
      'INVALID_SETTINGS',
      other && other.process === route.process
        ? `services.${route.process} names ${text(route)} twice; nothing was changed`
        : `services.${route.process} claims ${text(route)}, which ${other ? `services.${other.process} claims too` : 'is a name of the application itself (edge.domains)'}; nothing was changed`,
      'give each process paths or a name of its own',
    );
  }
}

const escaped = (value: string): string => value.replace(/[.+]/g, '\\$&');

/** nginx's regular expression for a route, over `$host$request_uri`: whole parts of a path, as they were sent. */
export const routePattern = ({ host, path }: Route): string =>
  `~^${host === undefined ? '[^/]+' : escaped(host)}${path === '/' ? '/' : `${escaped(path)}(?:[/?]|$)`}`;
