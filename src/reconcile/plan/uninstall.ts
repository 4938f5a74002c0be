import type { Remnant } from '../../capability/capability.ts';
import type { Step } from './step.ts';

/** What is there of a project. */
export interface Installation {
  services: readonly string[];
  /** Containers of its jobs and checks, which a killed run has left. */
  strays: readonly string[];
  networks: readonly string[];
  /** Volumes with its label, previews left out. */
  volumes: readonly string[];
  remnants: readonly Remnant[];
  /** Undefined where there is none. */
  stateRoot: string | undefined;
}

export interface Removal {
  steps: Step[];
  removed: { what: string; names: readonly string[] }[];
  stays: { what: string; names: readonly string[]; why: string }[];
}

/** What is its own, and not shared with other projects. */
export const ownNames = ({ services, strays, networks, volumes, remnants }: Installation): string[] => [
  ...[...services, ...strays, ...networks, ...volumes],
  ...remnants.filter(({ shared, steps }) => !shared && steps.length > 0).flatMap(({ names }) => names),
];

const isThere = (seen: Installation): boolean => seen.stateRoot !== undefined || ownNames(seen).length > 0;

/** What `uninstall` removes, in order: what starts again by itself, what runs, data, images; at last what says that all of it was ours. */
export function planUninstall(seen: Installation, backups: boolean): Removal {
  const gone = isThere(seen) ? seen.remnants.filter((remnant) => goes(remnant, backups)) : [];
  const stepsOf = (remnants: readonly Remnant[]) => remnants.flatMap(({ steps }) => steps);
  const claimed = new Set(seen.remnants.flatMap(({ names }) => names));
  const cause = 'the project is uninstalled';
  const volumes = seen.volumes.filter((name) => !claimed.has(name));
  const stack = seen.services.length > 0 || seen.networks.length > 0 || volumes.length > 0;
  return {
    steps: [
      ...stepsOf(gone.filter(({ first }) => first)),
      ...seen.strays.map((name): Step => ({ kind: 'remove-container', id: name, name, cause })),
      ...(stack ? [{ kind: 'compose-down', volumes: true, services: [...seen.services], cause } satisfies Step] : []),
      // Those that are no part of the Compose project.
      ...(volumes.length > 0 ? [{ kind: 'remove-volumes', names: [...volumes], cause } satisfies Step] : []),
      ...stepsOf(gone.filter(({ first }) => !first)),
      ...(seen.stateRoot ? [{ kind: 'remove-state', root: seen.stateRoot, cause } satisfies Step] : []),
    ],
    removed: [
      { what: 'containers', names: [...seen.services, ...seen.strays] },
      { what: 'networks', names: seen.networks },
      { what: 'volumes', names: volumes },
      ...gone.map(({ what, names }) => ({ what, names })),
      { what: 'the state folder', names: seen.stateRoot ? [seen.stateRoot] : [] },
    ].filter(({ names }) => names.length > 0),
    stays: seen.remnants
      .filter((remnant) => !gone.includes(remnant))
      .map((remnant) => ({ what: remnant.what, names: remnant.names, why: whyStays(remnant, backups) })),
  };
}

/** Whether it goes with the project. @param backups they are to go, too */
const goes = ({ steps, backups: held }: Remnant, backups: boolean): boolean => steps.length > 0 && (backups || !held);

const whyStays = ({ stays }: Remnant, backups: boolean): string =>
  stays ?? (backups ? 'another project may use it' : 'with --backups it is removed too');

/** What `uninstall` alone will not remove, and why. */
export const staying = (remnant: Remnant): string | undefined => (goes(remnant, false) ? undefined : whyStays(remnant, false));

const SHOWN = 4;

/** `3 volumes: a, b, c`; a long list is cut. */
export const listText = ({ what, names }: { what: string; names: readonly string[] }): string =>
  `${what}: ${names.slice(0, SHOWN).join(', ')}${names.length > SHOWN ? `, and ${names.length - SHOWN} more` : ''}`;
