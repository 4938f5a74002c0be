import type { StepHandlers, StepKind } from '../capability/capability.ts';
import { plural } from '../core/plural.ts';
import type { ReconcileSteps } from './plan/step.ts';

/** What carries a step out is loaded with the first one: this list is part of every start. */
const later =
  <K extends keyof ReconcileSteps>(kind: K): StepKind<K>['perform'] =>
  async (step, run, task) => {
    const { performers } = await import('./perform.ts');
    return performers[kind](step, run, task);
  };

/** All of a few, of many the first and how many more. */
const namesText = (names: readonly string[]): string =>
  names.length <= 6 ? names.join(', ') : `${names.slice(0, 4).join(', ')} and ${names.length - 4} more`;

/** The steps of `up`, `down`, `restart` and all that is an `up` of a part. */
export const reconcileSteps = {
  'build-image': {
    describe: (step) => `build image ${step.image.ref}`,
    many: (steps) => `build ${plural(steps.length, 'image')}`,
    perform: later('build-image'),
  },
  'pull-image': {
    describe: (step) => `pull image ${step.ref}`,
    many: (steps) => `pull ${plural(steps.length, 'image')}`,
    perform: later('pull-image'),
  },
  'fetch-images': {
    describe: (step) => `pull ${step.images.map(({ ref }) => ref).join(', ')}, as far as they can be had`,
    perform: later('fetch-images'),
  },
  'create-secrets': {
    describe: (step) => `store ${plural(step.names.length, 'secret')} (${step.names.join(', ')})`,
    perform: later('create-secrets'),
  },
  'remember-subnets': {
    describe: (step) =>
      `remember the address ranges (${Object.entries(step.subnets)
        .map(([name, subnet]) => `${name} ${subnet}`)
        .join(', ')})`,
    perform: later('remember-subnets'),
    quiet: true,
  },
  'write-files': {
    describe: (step) => `write ${plural(step.changed.length, 'file')}`,
    perform: later('write-files'),
  },
  'issue-certificate': {
    describe: (step) => `issue certificate ${step.certificate.name} for ${step.certificate.subjects.join(', ')}`,
    many: (steps) => `issue ${plural(steps.length, 'certificate')} (${namesText(steps.map(({ certificate }) => certificate.name))})`,
    perform: later('issue-certificate'),
  },
  'place-secrets': {
    describe: (step) => `hand secrets to ${step.service.name}`,
    many: (steps) => `hand secrets to ${plural(steps.length, 'service')}`,
    perform: later('place-secrets'),
  },
  'place-launch': {
    describe: () => 'place the program that starts the application',
    perform: later('place-launch'),
    quiet: true,
  },
  mend: {
    describe: ({ mends: [first, ...more] }) =>
      `set owner and mode of ${first?.path === '.' ? 'the folder itself' : first?.path}${more.length > 0 ? ` and ${plural(more.length, 'more path')}` : ''} in the state folder`,
    perform: later('mend'),
  },
  'create-volume': {
    describe: (step) => `create the volume ${step.name}, if it does not exist`,
    many: (steps) => `create ${plural(steps.length, 'volume')}, where they do not exist`,
    perform: later('create-volume'),
  },
  'own-volume': {
    describe: (step) => `give the volume ${step.volume} to user ${step.uid}:${step.gid} (${step.cause})`,
    // The cause stays: what still runs as the former user cannot write.
    many: (steps) => {
      const causes = new Map<string, string[]>();
      for (const { volume, uid, gid, cause } of steps) {
        const end = `to user ${uid}:${gid} (${cause})`;
        causes.set(end, [...(causes.get(end) ?? []), volume]);
      }
      return [...causes].map(([end, volumes]) => `give the volumes ${volumes.join(', ')} ${end}`).join('; ');
    },
    perform: later('own-volume'),
    performMany: async (steps, run) => (await import('./own-volume.ts')).ownVolumes(steps, run),
  },
  'prove-mount': {
    describe: (step) => `mount ${step.nfs.server}:${step.nfs.export} once`,
    perform: later('prove-mount'),
  },
  'prove-settings': {
    describe: (step) => `check ${step.trial.setting} of ${step.service}, in a container that is thrown away`,
    many: (steps) => `check ${plural(steps.length, 'setting')}, in containers that are thrown away`,
    perform: later('prove-settings'),
  },
  'activate-config': {
    describe: (step) => `switch the configuration of ${step.service}`,
    perform: later('activate-config'),
    quiet: true,
  },
  'prove-config': {
    describe: (step) => `check the new configuration of ${step.service.name}`,
    many: (steps) => `check the new configuration of ${plural(steps.length, 'service')}`,
    perform: later('prove-config'),
  },
  'remove-container': {
    describe: (step) => `remove container ${step.name}`,
    perform: later('remove-container'),
    touches: true,
  },
  'store-overrides': {
    describe: () => 'store the overrides',
    perform: later('store-overrides'),
    quiet: true,
  },
  replace: {
    describe: (step) =>
      `${step.by === 'restart' ? 'restart' : 'replace'} ${step.service}: drain, ${step.by === 'restart' ? 'restart' : 'new container'}, wait until ready`,
    perform: later('replace'),
    touches: true,
  },
  'replace-worker': {
    describe: (step) =>
      `${step.by === 'restart' ? 'restart' : 'replace'} ${step.service}: let it finish within ${step.drains.seconds} s, ${step.by === 'restart' ? 'restart' : 'new container'}`,
    perform: later('replace-worker'),
    touches: true,
  },
  'stop-worker': {
    describe: (step) => `stop ${step.service}: let it finish within ${step.drains.seconds} s`,
    perform: later('stop-worker'),
    touches: true,
  },
  'replace-member': {
    describe: (step) =>
      `${step.by === 'restart' ? 'restart' : 'replace'} ${step.service}: hand over, ${step.by === 'restart' ? 'restart' : 'new container'}, wait until it has caught up`,
    perform: later('replace-member'),
    touches: true,
  },
  'retire-member': {
    describe: (step) => `remove ${step.service} from its group, stop and remove it`,
    perform: later('retire-member'),
    touches: true,
  },
  admit: {
    describe: (step) => `enable ${step.service} in ${step.rolling.balancer}`,
    perform: later('admit'),
  },
  'prove-replica': {
    describe: (step) => `wait until ${step.service} is ready${step.rolling.smoke ? ', and test it' : ''}`,
    perform: later('prove-replica'),
  },
  'switch-replicas': {
    describe: ({ to, from, balancer }) =>
      to.length > 0
        ? `switch ${balancer} to ${namesText(to)}${from.length > 0 ? ` from ${namesText(from)}` : ''}`
        : `drain ${namesText(from)}`,
    perform: later('switch-replicas'),
    touches: true,
  },
  'await-balancer': {
    describe: (step) => `wait until a replica is ready behind ${step.service}`,
    perform: later('await-balancer'),
  },
  'compose-up': {
    describe: (step) =>
      step.services.length > 0 ? `start and wait until healthy: ${namesText(step.services)}` : 'wait until everything is healthy',
    perform: later('compose-up'),
    touches: true,
  },
  'run-one-off': {
    describe: (step) => `run ${step.service}`,
    perform: later('run-one-off'),
    touches: true,
  },
  'remove-services': {
    describe: (step) => `stop and remove ${step.services.join(', ')}`,
    perform: later('remove-services'),
    touches: true,
  },
  reload: {
    describe: (step) => `reload ${step.service}`,
    many: (steps) => `reload ${steps.map(({ service }) => service).join(', ')}`,
    perform: later('reload'),
  },
  'mark-applied': {
    describe: (step) => `record what ${step.service} has read`,
    perform: later('mark-applied'),
    quiet: true,
  },
  'compose-restart': {
    describe: (step) => `restart ${step.services.join(', ')}`,
    perform: later('compose-restart'),
    touches: true,
  },
  'compose-down': {
    describe: (step) => (step.volumes ? 'stop and remove everything, volumes included' : 'stop and remove containers and networks'),
    perform: later('compose-down'),
    touches: true,
  },
  'remove-volumes': {
    describe: (step) => `remove ${plural(step.names.length, 'volume')} (${step.names.join(', ')})`,
    perform: later('remove-volumes'),
  },
  'remove-images': {
    describe: (step) => `remove ${plural(step.refs.length, 'image')}`,
    perform: later('remove-images'),
  },
  'check-carry': {
    describe: (step) => `check that copies of ${step.volumes.join(', ')} fit on the disk`,
    perform: later('check-carry'),
  },
  'begin-carry': {
    describe: () => 'note that data is on its way',
    perform: later('begin-carry'),
    quiet: true,
  },
  'carry-volume': {
    describe: (step) => `copy the volume ${step.from} to ${step.to}, and compare`,
    perform: later('carry-volume'),
  },
  'carry-database': {
    describe: (step) => `dump the database of ${step.from}, restore it on the leader of ${step.members.join(', ')}, and compare every row`,
    perform: later('carry-database'),
    touches: true,
  },
  'finish-carry': {
    describe: () => 'note that the data has come along',
    perform: later('finish-carry'),
    quiet: true,
  },
  'remove-state': {
    describe: (step) => `remove the state folder ${step.root}`,
    perform: later('remove-state'),
  },
} satisfies Pick<StepHandlers, keyof ReconcileSteps>;
