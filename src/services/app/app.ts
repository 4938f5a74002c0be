import { UserError } from '../../core/errors.ts';
import { defineService } from '../../stack/service.ts';
import { refuseOutOfReach } from './autoscale.ts';
import { type AppSettings, appSettings } from './portal.ts';
import { refuseWithoutStore } from './processes/checks.ts';
import { allProcesses, appProcess, servicesOf, slotNames } from './processes/process.ts';
import { allWays } from './processes/ways.ts';
import { hasServed, refuseTwoSets } from './releasing.ts';
import { buildProcess, reserveSlots } from './replica.ts';
import { folderPlaces, refuseOverlaps } from './volumes.ts';

const NETWORKS = ['app', 'db'] as const;

function refuseTooMany(own: AppSettings): void {
  if (own.replicas <= own.maxReplicas) return;
  throw new UserError(
    'INVALID_SETTINGS',
    `app.replicas is ${own.replicas}, and the balancer keeps ${own.maxReplicas} slots; nothing was changed`,
    own.replicas <= 100 ? `set \`app.maxReplicas: ${own.replicas}\`, or choose fewer replicas` : 'choose 100 replicas at most',
  );
}

/** @param first number of the first of them */
export const appReplicas = ({ replicas }: Pick<AppSettings, 'replicas'>, first = 1) =>
  slotNames({ name: 'app', number: -1, above: 0 }, replicas, first);

export const app = defineService({
  name: 'app',
  key: 'app',
  summary: 'the portal, or your own application',
  settings: appSettings,
  build: (own, input) => {
    const process = appProcess(own, input);
    refuseWithoutStore(process, input);
    if (input.enabled('balancer')) {
      refuseTooMany(own);
      refuseOutOfReach(own);
      refuseTwoSets(own, allProcesses(input).length > 1);
      reserveSlots(process, NETWORKS, input);
    }
    refuseOverlaps([...folderPlaces(own, 'app'), { setting: 'app.uploadsPath', path: own.uploadsPath }]);
    const processes = allProcesses(input);
    const built = buildProcess({ process, ways: allWays(processes, input), several: processes.length > 1 }, input);
    if (own.migrate.length === 0) return built.replicas;
    const migrates = { due: !hasServed({ app: own, services: servicesOf(input) }, built.image, input), restorePoint: own.restorePoint };
    return [...built.replicas, { ...built.once(own.migrate), oneOff: true, migrates }];
  },
});
