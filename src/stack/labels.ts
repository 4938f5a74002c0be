/** Labels by which containers, networks and volumes are known to be ours. What lacks them is never touched. */
export const LABEL = {
  project: 'io.medianest.project',
  component: 'io.medianest.component',
  /** Fingerprints of all that makes a new container necessary. */
  inputs: 'io.medianest.inputs',
  /** What `restore --into` has made, by the name of its project: it alone may be removed by that name. */
  preview: 'io.medianest.preview',
} as const;

/** What the engine calls a volume of a project, as Compose names it. */
export const volumeName = (project: string, volume: string): string => `${project}_${volume}`;
