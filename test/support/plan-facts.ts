import type { ObservedContainer } from '../../src/docker/types.ts';
import type { UpFacts } from '../../src/reconcile/plan/facts.ts';
import type { Rendered } from '../../src/stack/types.ts';

/** A container that runs and is well, as the engine would show it; of an `app-2` the component is `app`. */
export const runningContainer = (
  service: string,
  inputs: string | undefined,
  more: Partial<ObservedContainer> = {},
): ObservedContainer => ({
  id: `id-${service}`,
  name: `medianest-${service}-1`,
  service,
  number: 1,
  image: 'x',
  state: 'running',
  health: 'healthy',
  status: 'Up 1 minute (healthy)',
  project: 'medianest',
  component: service.replace(/-\d+$/, ''),
  inputs,
  stateFolder: '/state',
  addresses: {},
  ports: [],
  volumes: [],
  ...more,
});

/** What is read before a plan where everything is as it was rendered. */
export const settledFacts = (files: Rendered, containers: readonly ObservedContainer[], more: Partial<UpFacts> = {}): UpFacts => ({
  containers,
  files: files.files,
  missingImages: [],
  gathered: [],
  changedSecrets: [],
  unplaced: [],
  launchDue: false,
  mends: [],
  volumeOwners: { uploads: { owner: '10001:10001' }, media: { owner: '10001:10001' } },
  dueCertificates: {},
  liveConfigs: files.configs,
  applied: {},
  installed: {},
  stateFolder: '/state',
  subnetsChanged: false,
  subnets: {},
  reach: { isolated: false, appClosed: true },
  newOverrides: undefined,
  placements: {},
  leaders: [],
  drained: [],
  only: undefined,
  deploying: false,
  waitSeconds: 60,
  ...more,
});
