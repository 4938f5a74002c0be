import { existsSync } from 'node:fs';
import os from 'node:os';
import type { Context } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { engineAddress } from '../docker/address.ts';
import { checkCompose } from '../docker/compose.ts';
import type { Engine, EngineInfo, ObservedContainer, Owned } from '../docker/types.ts';
import { hostFacts } from '../host/host-facts.ts';
import { type DoctorReport, examine } from '../host/plan/examine.ts';
import type { DoctorFacts, Leftover, Problem } from '../host/plan/facts.ts';
import { loadInput, loadSettings } from '../project/load-settings.ts';
import { type Prepared, prepare } from '../reconcile/prepare.ts';
import type { Loaded } from '../settings/loaded.ts';
import { type StateFolder, stateFolder } from '../state/state.ts';

/** Looks at everything that can be seen, whatever else is wrong, and judges it. */
export async function diagnose(context: Context): Promise<DoctorReport> {
  return examine(await doctorFacts(context));
}

async function doctorFacts(context: Context): Promise<DoctorFacts> {
  const loaded = await attempt(async () => loadSettings(await loadInput(context)));
  const state = isFailure(loaded) ? undefined : stateFolder(context, loaded.root);
  const engine = await attempt(() => context.engine());
  const reach = isFailure(engine) ? undefined : engine;
  const project = isFailure(loaded) ? undefined : loaded.settings.project;
  const [info, compose, containers, owned] = await Promise.all([
    attempt(async () => (isFailure(engine) ? Promise.reject(engine.error) : engine.info())),
    attempt(async () => checkCompose(await context.docker())),
    quietly(async () => (project ? reach?.observe(project) : undefined)),
    quietly(async () => reach?.owned()),
  ]);
  const at = engineAt(context.env, isFailure(info) ? undefined : info);
  const laidOut = isFailure(loaded) ? undefined : await attempt(() => layOut(context, loaded, reach, isFailure(info), containers ?? []));
  const stack = laidOut && !isFailure(laidOut) ? laidOut.stack : undefined;
  const [host, missingImages] = await Promise.all([
    hostFacts({
      stack,
      settings: isFailure(loaded) ? undefined : loaded.settings,
      state,
      engine: isFailure(info) ? undefined : reach,
      info: isFailure(info) ? undefined : info,
      sameMachine: at.sameMachine,
      containers: containers ?? [],
    }),
    quietly(async () => (stack && !isFailure(info) ? reach?.missingImages(stack.images.map(({ ref }) => ref)) : undefined)),
  ]);
  return {
    tool: { version: context.version, node: process.versions.node, arch: process.arch },
    settings: isFailure(loaded) ? loaded.problem : { file: loaded.configFile, profile: loaded.profile },
    engine: isFailure(info) ? info.problem : info,
    engineAt: at,
    compose: isFailure(compose) ? compose.problem : { version: compose },
    stack,
    moved: laidOut && !isFailure(laidOut) ? laidOut.moved : [],
    layout: laidOut && isFailure(laidOut) ? laidOut.problem : undefined,
    host,
    runningServices: new Set((containers ?? []).filter((container) => container.state === 'running').map((container) => container.service)),
    missingImages: missingImages ?? [],
    leftovers: owned ? leftoversOf(owned, project) : [],
  };
}

/** The stack as it would run here; without an engine, as the host's routes alone would have it. */
const layOut = (
  context: Context,
  loaded: Loaded,
  engine: Engine | undefined,
  engineAway: boolean,
  containers: readonly ObservedContainer[],
): Promise<Prepared> => prepare(context, loaded, { ...(engine && !engineAway && { engine }), running: containers.length > 0 });

function engineAt(env: NodeJS.ProcessEnv, info: EngineInfo | undefined): DoctorFacts['engineAt'] {
  try {
    const { label, local } = engineAddress(env);
    // An address of this machine's own is as good as its socket.
    return { label, sameMachine: local || info === undefined || info.name === os.hostname() };
  } catch {
    return { label: env.DOCKER_HOST ?? '', sameMachine: true };
  }
}

/** Of other projects whose folder is missing, or of which no container is left. */
export function leftoversOf(owned: Owned, project: string | undefined): Leftover[] {
  const isGone = (folder: string | undefined) => folder !== undefined && !existsSync(folder);
  const alive = new Set(owned.containers.map((container) => container.project));
  return [
    ...owned.containers
      .filter((container) => !container.running && container.project !== project && isGone(container.stateFolder))
      .map(({ name, project: of, stateFolder: from }): Leftover => ({ kind: 'container', name, project: of, from })),
    ...owned.networks
      .filter((network) => !network.used && network.project !== project && !alive.has(network.project))
      .map(({ name, project: of }): Leftover => ({ kind: 'network', name, project: of, from: undefined })),
  ];
}

interface Failure {
  failure: true;
  problem: Problem;
  error: unknown;
}

const isFailure = (value: object | string | Engine | Loaded | StateFolder): value is Failure =>
  typeof value === 'object' && 'failure' in value;

/** A refusal becomes a finding; a fault of medianest's own stays one. */
async function attempt<T extends object | string>(look: () => Promise<T>): Promise<T | Failure> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { failure: true, problem: { message: error.message.replace(/; nothing was changed$/, ''), remedy: error.hint }, error };
  }
}

/** For what another finding already reports. */
const quietly = <T>(look: () => Promise<T>): Promise<T | undefined> => look().catch(() => undefined);
