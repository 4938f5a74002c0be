import { defineService } from '../../../stack/service.ts';
import { app } from '../app.ts';
import { buildProcess, reserveSlots } from '../replica.ts';
import { refuseProcess } from './checks.ts';
import { allProcesses } from './process.ts';
import { servicesSettings } from './settings.ts';
import { allWays } from './ways.ts';

/** The processes of the application beside the first. Each is a component of its own, by the name that the operator gives it. */
export const services = defineService({
  name: 'services',
  key: 'services',
  accompanies: app.name,
  summary: 'processes of the application beside the first, such as an API or a worker: one release with it (docs/app-contract.md)',
  settings: servicesSettings,
  build: (_own, input) => {
    const processes = allProcesses(input);
    const ways = allWays(processes, input);
    const application = input.settingsOf(app);
    return processes
      .filter(({ beside }) => beside)
      .flatMap((process) => {
        refuseProcess(process, application, input);
        const { replicas } = buildProcess({ process, ways, several: true }, input);
        reserveSlots(process, replicas[0]?.networks ?? [], input);
        return replicas;
      });
  },
});
