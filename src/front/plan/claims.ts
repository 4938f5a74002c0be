import { UserError } from '../../core/errors.ts';
import type { FrontLink } from '../../stack/types.ts';

/** Where the front listens on this host. */
export interface Published {
  addresses: string[];
  httpPort: number;
  httpsPort: number;
}

/** What one project has of the front. */
export interface Claim extends Published {
  /** The folder that it is run from: only what is run from there changes or gives up the claim. */
  stateFolder: string;
  /** Host names, in small letters; sorted. */
  names: string[];
}

/** All that the front passes on, by project. On disk: `claims.json`. */
export interface Claims {
  version: 1;
  projects: Record<string, Claim>;
}

export const NO_CLAIMS: Claims = { version: 1, projects: {} };

/** What a project asks of the front. @param stateFolder the one that it is run from */
export function claimOf({ ports, names }: Pick<FrontLink, 'ports' | 'names'>, stateFolder: string): Claim {
  const portOf = (setting: string) => ports.find((port) => port.setting === setting)?.host as number;
  return {
    stateFolder,
    names: [...names].sort(),
    addresses: [...new Set(ports.map(({ address }) => address))].sort(),
    httpPort: portOf('edge.httpPort'),
    httpsPort: portOf('edge.httpsPort'),
  };
}

const where = ({ addresses, httpPort, httpsPort }: Published): string => `${addresses.join(', ')}, ports ${httpPort} and ${httpsPort}`;

const samePorts = (a: Published, b: Published): boolean => where(a) === where(b);

/**
 * The claims with those of one more project, or with other ones of it.
 * @param vanished projects that are proven to be gone: they have no claim any more
 * @throws UserError ALREADY_THERE where another project has a name or other ports, FOREIGN_STATE where the project is run from elsewhere
 */
export function joined(claims: Claims, project: string, claim: Claim, vanished: ReadonlySet<string>): Claims {
  const isAlive = ([name, { stateFolder }]: [string, Claim]) =>
    // A state folder has one project: under another name it is a former one.
    stateFolder === claim.stateFolder ? name === project : !vanished.has(name);
  const alive = Object.entries(claims.projects).filter(isAlive);
  for (const [other, its] of alive) {
    if (other === project && its.stateFolder !== claim.stateFolder)
      throw new UserError(
        'FOREIGN_STATE',
        `the front knows a project ${project} that is run from ${its.stateFolder}; nothing was changed`,
        'choose another name: --project, or `project:` in medianest.yml',
      );
    if (other === project) continue;
    const taken = claim.names.filter((name) => its.names.includes(name));
    if (taken.length > 0)
      throw new UserError(
        'ALREADY_THERE',
        `${taken.join(', ')} is served by the project ${other} (${its.stateFolder}); nothing was changed`,
        `take the name out of \`edge.domains\` of one of the two, and run \`medianest up\` there first`,
      );
    if (!samePorts(its, claim))
      throw new UserError(
        'ALREADY_THERE',
        `the front listens at ${where(its)} for ${other}, and this project asks for ${where(claim)}; nothing was changed`,
        'set edge.address, edge.httpPort and edge.httpsPort as they are there: projects that share the front have the same',
      );
  }
  return { version: 1, projects: sorted([...alive.filter(([name]) => name !== project), [project, claim]]) };
}

/** The claims without those of a project, and of those that are proven to be gone; the same where it has none, or is run from another folder. */
export function left(claims: Claims, project: string, stateFolder: string, vanished: ReadonlySet<string>): Claims {
  if (claims.projects[project]?.stateFolder !== stateFolder) return claims;
  return { version: 1, projects: sorted(Object.entries(claims.projects).filter(([name]) => name !== project && !vanished.has(name))) };
}

const sorted = (entries: [string, Claim][]): Record<string, Claim> => Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));

/** Where the front listens: the same for all of its projects. Undefined without one. */
export const publishedBy = (claims: Claims): Published | undefined => Object.values(claims.projects)[0];

/** Whether a text of `claims.json` is what this program has written. */
export function isClaims(value: unknown): value is Claims {
  const { version, projects } = (value ?? {}) as Partial<Claims>;
  const isClaim = (one: unknown) => {
    const { stateFolder, names, addresses, httpPort, httpsPort } = (one ?? {}) as Partial<Claim>;
    const texts = [names, addresses].every((list) => Array.isArray(list) && list.every((entry) => typeof entry === 'string'));
    return typeof stateFolder === 'string' && texts && Number.isInteger(httpPort) && Number.isInteger(httpsPort);
  };
  return version === 1 && typeof projects === 'object' && projects !== null && Object.values(projects).every(isClaim);
}
