/** Labels by which containers, networks and volumes are known to be ours. What lacks them is never touched. */
export const LABEL = {
  project: 'io.medianest.project',
  component: 'io.medianest.component',
  /** Fingerprints of all that makes a new container necessary. */
  inputs: 'io.medianest.inputs',
} as const;
