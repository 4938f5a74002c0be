import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import { referencesIn } from '../environment/expand.ts';
import { HEALTH_PATH, type HealthSettings } from '../health.ts';
import type { AppSettings, appSettings } from '../portal.ts';
import { firstSlot } from '../releasing.ts';
import { hasCache, hasDatabase } from '../stores.ts';
import { releaseOrder } from './order.ts';
import { MOST_REPLICAS, type ProcessSettings, type ServicesSettings, type servicesSettings } from './settings.ts';

declare module '../../../stack/service.ts' {
  interface HostFacts {
    /** Which number each process had in the last stack: it keeps the addresses that go with it. */
    processNumbers?: Readonly<Record<string, number>> | undefined;
  }
}

/** The settings of `app` and `services`, without the services: these build upon this file. */
const APP = { key: 'app' } as ServiceDefinition<typeof appSettings>;
const SERVICES = { key: 'services' } as ServiceDefinition<typeof servicesSettings>;

/** The first process, which has no name of its own in the settings. */
export const FIRST_PROCESS = 'app';
/** Numbers of its replicas in their networks. */
const FIRST_HOST = 100;
/** Slots of the application that every range has room for, and the last number that the narrowest of them has. */
const USUAL_SLOTS = 10;
const LAST_HOST = 127;
/** Where numbers go on that have no room below: `app.maxReplicas` reaches to 199 at most. */
const BEYOND = 200;

/** What of the stack a process is given. */
export type Needs = ProcessSettings['needs'];

const ALL: Needs = { database: true, cache: true, external: true, uploads: true, media: true, volumes: true };

/** One process of the application. Its replicas differ in their number alone. */
export interface Process {
  /** `app`, or its key in `services`: the component, and the beginning of its containers’ names. */
  name: string;
  /** The settings of `app` as they are for it. */
  own: AppSettings;
  /** What `services` says of it; undefined for the first. */
  beside: ProcessSettings | undefined;
  /** It listens on `own.port`, and stands behind the balancer where there is one; a worker does not. */
  serves: boolean;
  needs: Needs;
  /** Which of the others it is: its addresses go by it. -1 for the first. */
  number: number;
  /** The slot of its first replica, counted from 1: another after a blue-green deploy. */
  first: number;
  /** Numbers below this are those of `app`. */
  above: number;
  /** Its place in a release. */
  order: number;
}

export const appProcess = (own: AppSettings, input: BuildInput): Process => ({
  name: FIRST_PROCESS,
  own,
  beside: undefined,
  serves: true,
  // The portal needs both; an image that was not written for this may have no use for them.
  needs: own.image ? { ...ALL, database: hasDatabase(input), cache: hasCache(input) } : ALL,
  number: -1,
  first: firstSlot(input),
  above: 0,
  order: orderIn(own, servicesOf(input)).indexOf(FIRST_PROCESS),
});

/** What `services` says, where the application runs in containers of its own. */
export const servicesOf = (input: BuildInput): ServicesSettings =>
  input.enabled(FIRST_PROCESS) && input.settings.components.services !== false ? (input.settingsOf(SERVICES) ?? {}) : {};

/** The processes beside the first, as they stand in the settings. */
export function otherProcesses(input: BuildInput): Process[] {
  const app = input.settingsOf(APP);
  const services = servicesOf(input);
  const order = orderIn(app, services);
  const numbers = numbersOf(Object.keys(services), input.host.processNumbers ?? {});
  return Object.entries(services).map(([name, beside]) => ({
    name,
    own: ownSettings(app, beside),
    beside,
    serves: beside.port !== undefined,
    needs: beside.needs,
    number: numbers.get(name) as number,
    first: 1,
    above: FIRST_HOST + Math.max(USUAL_SLOTS, app.maxReplicas),
    order: order.indexOf(name),
  }));
}

export const allProcesses = (input: BuildInput): Process[] => [appProcess(input.settingsOf(APP), input), ...otherProcesses(input)];

const orderIn = (app: AppSettings, services: ServicesSettings): string[] =>
  releaseOrder({ app: app.after, ...Object.fromEntries(Object.entries(services).map(([name, { after }]) => [name, after])) });

/** Each keeps the number that it has; what is new gets the first free one, so that no address moves. */
function numbersOf(names: readonly string[], known: Readonly<Record<string, number>>): Map<string, number> {
  const numbers = new Map(names.flatMap((name) => (known[name] === undefined ? [] : [[name, known[name]] as const])));
  for (const name of names) {
    if (numbers.has(name)) continue;
    let free = 0;
    while ([...numbers.values()].includes(free)) free++;
    numbers.set(name, free);
  }
  return numbers;
}

/**
 * The number of a replica in its networks. Pairs of process and index are counted along diagonals (Cantor's pairing function), from the end
 * of the narrowest range downwards: whatever comes, another process or a replica, moves no other, and the few that most have are in that range.
 */
export function replicaHost({ number, above }: Pick<Process, 'number' | 'above'>, index: number): number {
  if (number < 0) return FIRST_HOST + index;
  const diagonal = number + index;
  const rank = (diagonal * (diagonal + 1)) / 2 + index;
  return LAST_HOST - rank >= above ? LAST_HOST - rank : BEYOND + rank;
}

/** How many replicas there may be without a change of what knows their addresses: as many as the ranges have room for. */
export function slotsOf(process: Pick<Process, 'own' | 'number' | 'above'>, input: BuildInput): number {
  const most = Math.max(process.own.maxReplicas, process.own.replicas);
  if (process.number < 0) return most;
  const fits = (index: number) => (['app', 'db'] as const).every((network) => input.fits(network, replicaHost(process, index)));
  const first = Array.from({ length: most }, (_, index) => index).findIndex((index) => !fits(index));
  return first < 0 ? most : Math.max(first, process.own.replicas);
}

/** Slots of a process, `backend-1` and its number, and so on. @param first where they begin, counted from 1 */
export const slotNames = (process: Pick<Process, 'name' | 'number' | 'above'>, count: number, first = 1) =>
  Array.from({ length: count }, (_, index) => ({
    name: `${process.name}-${first + index}`,
    host: replicaHost(process, first - 1 + index),
  }));

/** Those slots that its replicas have. */
export const replicasOf = (process: Process) => slotNames(process, process.own.replicas, process.first);

/** What is of `app` alone, and no other process has. */
const ALONE: Pick<AppSettings, 'migrate' | 'autoscale' | 'proxy' | 'smoke' | 'portal'> = {
  migrate: [],
  autoscale: undefined,
  proxy: false,
  smoke: undefined,
  // Of its channels it alone sends by, and knows the passwords.
  portal: { mail: { tls: 'starttls' }, ntfy: {}, webhook: {} },
};

function ownSettings(app: AppSettings, beside: ProcessSettings): AppSettings {
  const { needs, port, image } = beside;
  const shared = Object.entries(app.volumes).filter(([, { shared: isShared }]) => isShared);
  return {
    ...app,
    ...ALONE,
    env: Object.fromEntries(Object.entries(app.env).filter(([, value]) => isGiven(value, needs))),
    image: image ?? app.image,
    command: beside.command,
    port: port ?? app.port,
    healthPath: beside.healthPath,
    health: healthOf(beside),
    readyPath: beside.readyPath,
    ready: beside.ready,
    metricsPath: beside.metricsPath,
    metrics: beside.metrics,
    user: beside.user ?? app.user,
    egress: beside.egress,
    replicas: beside.replicas,
    maxReplicas: MOST_REPLICAS,
    sticky: beside.sticky,
    tls: beside.tls ?? (image === undefined ? app.tls : false),
    volumes: needs.volumes ? Object.fromEntries(shared) : {},
    writable: beside.writable,
    memory: beside.memory,
    cpus: beside.cpus,
  };
}

/** Whether a variable of `app.env` says nothing that the process does not need. */
const isGiven = (value: string, needs: Needs): boolean => !referencesIn(value).some((name) => isUnneeded(name, needs));

/** Whether a reference stands for what a process is not given. */
export function isUnneeded(reference: string, needs: Needs): boolean {
  const [store = ''] = reference.split('.');
  return (['database', 'cache', 'external'] as const).some((need) => need === store && !needs[need]);
}

/** A worker has nothing to ask; the HEALTHCHECK of the image that it shares with `app` would ask what `app` answers. */
function healthOf({ health, port, image, healthPath, readyPath }: ProcessSettings): HealthSettings | undefined {
  if (port === undefined) return health?.command ? health : { ...health, none: true };
  if (image !== undefined || health?.command || health?.get || health?.none) return health;
  return { ...health, none: false, get: healthPath === HEALTH_PATH ? readyPath : healthPath };
}
