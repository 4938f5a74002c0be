/** Labels by which containers, networks and volumes are known to be ours. What lacks them is never touched. */
export const LABEL = {
  project: 'io.medianest.project',
  component: 'io.medianest.component',
  /** Fingerprints of all that makes a new container necessary. */
  inputs: 'io.medianest.inputs',
  /** What `restore --into` has made, by the name of its project: it alone may be removed by that name. */
  preview: 'io.medianest.preview',
  /** The project whose backup a preview shows. Volumes of previews before 0.5 have no such label. */
  previewOf: 'io.medianest.preview-of',
  /** What lives no longer than one piece of work. What a killed run has left is removed by this label. */
  job: 'io.medianest.job',
} as const;

/** Compose's own label: any Compose project carries it, so it is no proof that something is ours. */
export const COMPOSE_PROJECT = 'com.docker.compose.project';

/** By it Compose knows a volume as its own, as long as no hash of its definition is there as well. */
export const COMPOSE_VOLUME = 'com.docker.compose.volume';

/** What the engine calls a volume of a project, as Compose names it. */
export const volumeName = (project: string, volume: string): string => `${project}_${volume}`;
