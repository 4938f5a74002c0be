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
import { isGone, refuseForeign } from '../reconcile/refuse-foreign.ts';
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
  const [info, compose, seen, owned] = await Promise.all([
    attempt(async () => (isFailure(engine) ? Promise.reject(engine.error) : engine.info())),
    attempt(async () => checkCompose(await context.docker())),
    quietly(async () => (project ? reach?.observe(project) : undefined)),
    quietly(async () => reach?.owned()),
  ]);
  const foreign = project && state ? foreignProblem(project, seen ?? [], state) : undefined;
  // What another stack holds is not ours: `up` does not get it by replacing the container.
  const containers = foreign ? [] : seen;
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
    ranges: laidOut && !isFailure(laidOut) ? laidOut : { moved: [], covers: [], reached: [] },
    layout: laidOut && isFailure(laidOut) ? laidOut.problem : undefined,
    host,
    runningServices: new Set((containers ?? []).filter((container) => container.state === 'running').map((container) => container.service)),
    missingImages: missingImages ?? [],
    foreign,
    leftovers: owned ? leftoversOf(owned, project, at.sameMachine) : [],
  };
}

/** The stack as it would run here; without an engine, as the host's routes alone would have it. */
const layOut = (
  context: Context,
  loaded: Loaded,
  engine: Engine | undefined,
  engineAway: boolean,
  containers: readonly ObservedContainer[],
): Promise<Prepared> =>
  prepare(context, loaded, { ...(engine && !engineAway && { engine }), running: containers.length > 0, explain: true });

function engineAt(env: NodeJS.ProcessEnv, info: EngineInfo | undefined): DoctorFacts['engineAt'] {
  try {
    const { label, local } = engineAddress(env);
    // An address of this machine's own is as good as its socket.
    return { label, sameMachine: local || info === undefined || info.name === os.hostname() };
  } catch {
    return { label: env.DOCKER_HOST ?? '', sameMachine: true };
  }
}

/** Why a stack of this name cannot be ours; undefined where it is, or none is there. */
function foreignProblem(project: string, containers: readonly ObservedContainer[], state: StateFolder): Problem | undefined {
  try {
    refuseForeign(project, containers, state.root);
    return undefined;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return problemOf(error);
  }
}

/**
 * Of other projects whose state folder is proven to be gone, or of which no container is left.
 * @param sameMachine the engine works on this machine's files: elsewhere, a folder that is not here proves nothing
 */
export function leftoversOf(owned: Owned, project: string | undefined, sameMachine = true): Leftover[] {
  const isOrphaned = (folder: string | undefined) => sameMachine && folder !== undefined && isGone(folder);
  const alive = new Set(owned.containers.map((container) => container.project));
  return [
    ...owned.containers
      .filter((container) => !container.running && container.project !== project && isOrphaned(container.stateFolder))
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
    return { failure: true, problem: problemOf(error), error };
  }
}

const problemOf = ({ message, hint }: UserError): Problem => ({ message: message.replace(/; nothing was changed$/, ''), remedy: hint });

/** For what another finding already reports. */
const quietly = <T>(look: () => Promise<T>): Promise<T | undefined> => look().catch(() => undefined);
