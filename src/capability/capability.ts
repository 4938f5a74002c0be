import type { Json } from '../core/json.ts';
import type { Metric } from '../core/metrics-text.ts';
import type { Reporter, Task } from '../core/reporter.ts';
import type { DockerCli } from '../docker/compose.ts';
import type { Life } from '../docker/plan/lives.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { ResolvedSecrets } from '../secrets/plan/secrets.ts';
import type { Loaded } from '../settings/loaded.ts';
import type { Manifest } from '../stack/manifest.ts';
import type { MemberState } from '../stack/member.ts';
import type { HostFacts, ServiceDefinition } from '../stack/service.ts';
import type { Role, Service, Stack } from '../stack/types.ts';
import type { Lock } from '../state/lock.ts';
import type { StateFolder } from '../state/state.ts';
import type { BesideRules } from './beside-rules.ts';
import type { Check } from './check.ts';
import type { Clue, Suspicion } from './clue.ts';
import type { EndedCommand } from './ended.ts';
import type { GlobalFlags } from './global-flags.ts';
import type { Intent } from './intent.ts';
import type { KitPart } from './kit-part.ts';
import type { NextStep } from './next-step.ts';
import type { Noted } from './noted.ts';
import type { Options, Result } from './result.ts';
import type { Schedule } from './schedule.ts';
import type { Group, Section } from './section.ts';

export type { Intent } from './intent.ts';
export { done, type Options, type Result } from './result.ts';
export type { Schedule, Timer } from './schedule.ts';

// What a capability may use (Context) and what it contributes (Capability): types alone, in one file because each names the other.

/** Every effect that a command may use, made once in main.ts. What is costly to load is behind a function. */
export interface Context {
  home: string;
  cwd: string;
  env: NodeJS.ProcessEnv;
  version: string;
  flags: GlobalFlags;
  registry(): Promise<readonly ServiceDefinition[]>;
  capabilities(): Promise<readonly Capability[]>;
  engine(): Promise<Engine>;
  docker(): Promise<DockerCli>;
  report: Reporter;
  /** A line on stdout at once, of a result that may have no end: `logs --follow`. */
  print(line: string): void;
  /** Stdout shows colours. */
  color: boolean;
  clock: { now(): Date };
  /** Aborted by Ctrl-C or SIGTERM. */
  signal: AbortSignal;
  /** Asks the person at the terminal; undefined without a terminal. A secret is not shown while it is typed. */
  ask(question: string, secret?: boolean): Promise<string | undefined>;
}

/** One command: how it is called, and what it does with the context. Heavy modules are imported inside `run`. */
export interface Command {
  /** `config show`: a group and its command. */
  name: string;
  /** Where `--help` lists it; its group says that where it has one. */
  section?: Section;
  summary: string;
  example: string;
  /** Positional arguments in commander's notation, such as `[services...]`. */
  args?: string;
  options?: readonly (readonly [flags: string, description: string])[];
  /** Words after the first argument belong to another program. */
  passThrough?: boolean;
  /** What it does shows in metrics: once it has ended, well or not, they are written (project/write-metrics.ts). */
  measured?: true;
  run(context: Context, args: string[], options: Options): Promise<Result>;
}

/** The settings and the state folder of a project: what every command starts from. */
export interface Project {
  loaded: Loaded;
  state: StateFolder;
}

/** Every kind of step, by name, with its data: each capability adds its own by a module declaration (see reconcile/plan/step.ts). */
// biome-ignore lint/suspicious/noEmptyInterface: it is filled by the capabilities
export interface StepKinds {}

export type StepName = keyof StepKinds;

/** One thing that is done to a machine, as data: a plan is a list of them, and a dry run prints it. */
export type Step<K extends StepName = StepName> = { [N in K]: { kind: N; cause: string } & StepKinds[N] }[K];

/** What executing a step may use. */
export interface Execution {
  context: Context;
  prepared: { state: StateFolder; secrets: ResolvedSecrets; project: string };
  engine: Engine;
  docker: DockerCli;
  lock: Lock;
  /** Replicas that this run has put into service, and the life that they were in: one that ends later was not good either. */
  lives?: Map<string, string>;
  /** What steps have found that is told at the end. */
  noted?: Noted;
}

/** How one kind of step is told and carried out. It takes no decision. */
export interface StepKind<K extends StepName = StepName> {
  /** One line for a person, in the present tense. */
  describe(step: Step<K>): string;
  /** One line for several in a row, such as one for each service: without it each has its own. */
  many?(steps: readonly Step<K>[]): string;
  perform(step: Step<K>, run: Execution, task: Task | undefined): Promise<unknown> | unknown;
  /** Several in a row at once, where that is cheaper than one after the other. */
  performMany?(steps: readonly Step<K>[], run: Execution): Promise<unknown>;
  /** Containers are not what they were afterwards. */
  touches?: true;
  /** Too small to be shown. */
  quiet?: true;
}

export type StepHandlers = { readonly [K in StepName]: StepKind<K> };

/** What was seen of a project: read once, and given to everybody who judges it. */
export interface Seen {
  context: Context;
  project: Project;
  engine: Engine;
  /** What was rendered last; undefined before the first `up`. */
  manifest: Manifest | undefined;
  containers: readonly ObservedContainer[];
  /** Container -> how often the engine had to restart it, and when it began. */
  lives: Readonly<Record<string, Life>>;
  /** What the members of all groups say of themselves; undefined where their controller does not answer. */
  members: Readonly<Record<string, MemberState>> | undefined;
}

export type Ended = EndedCommand<Context, Project>;

/** Found on the host while a stack is prepared. */
export interface Gathered {
  facts: HostFacts;
  /** Brings what is new into place before the services that need it start. */
  steps: readonly { role: Role; step: Step }[];
}

/** One `up`, or what is an `up` of a few components (scale, maintenance, ...). */
export interface UpRequest extends Leaving {
  stack: Stack;
  /** Components that may be touched; all where undefined. */
  only: readonly string[] | undefined;
}

export interface FinishedUp extends UpRequest {
  /** Services whose containers are not what they were. */
  changed: readonly string[];
  started: Date;
  seconds: number;
  /** As the audit log names it. */
  command: string;
  noted?: Noted | undefined;
}

/** What a capability adds to `up`. All of it is optional. */
export interface UpPart {
  /** Reads what the stack is built with besides settings. */
  gather?(project: Project, context: Context): Promise<Gathered> | Gathered;
  /** What is done beside the stack: `early` before a volume is used, `first` before a container is touched (it frees ports), `last`. @throws UserError */
  beside?(request: UpRequest): Promise<{ early?: Step[]; first: Step[]; frees: number[]; last: Step[] } | undefined>;
  /** Looks at the host before these services are started. @throws UserError */
  beforeStart?(starting: readonly Service[], project: Project, context: Context): Promise<void> | void;
  /** Lines for the person, before anything changes. */
  announce?(request: UpRequest): Promise<string[]> | string[];
  /** Under the lock, right before the first step: what has to be known also where a later one fails. */
  begins?(request: UpRequest, command: string): Promise<void> | void;
  /** Under the lock, once all is well; also where nothing had to change. */
  finished?(run: FinishedUp): Promise<void>;
  /** Under the lock, where a step failed or was interrupted: what has to be known of the steps before it. */
  failed?(run: FinishedUp, error: unknown): Promise<void>;
  /** After a first start: what only the person can decide. */
  next?(project: Project): Promise<NextStep[]> | NextStep[];
  /** After `up`, the lock freed: what may take long, and what others outside are asked for. */
  outside?(context: Context, project: Project): Promise<{ data: Record<string, Json>; lines: string[] } | undefined>;
}

/** A project as it is being changed or removed. */
export interface Leaving {
  context: Context;
  project: Project;
  engine: Engine;
}

/** Something of a project that `down --volumes` leaves: it says so, and `uninstall` removes it. */
export interface Remnant {
  /** For people: `3 images of releases (1.2 GiB at most)`. */
  what: string;
  /** Each of them: volumes, images, files, folders. */
  names: readonly string[];
  /** What removes it, after the containers are gone; none where it always stays. */
  steps: readonly Step[];
  /** It has backups in it that the operator keeps elsewhere: removed only where that is asked for. */
  backups?: true;
  /** It acts by itself, and goes before anything else does. */
  first?: true;
  /** It is no single project's: it goes with the last one. */
  shared?: true;
  /** Why it stays, or what to do about it. */
  stays?: string;
}

/** What a capability adds to `down --volumes` and `uninstall`. */
export interface DataPart {
  /** Why the data should not be deleted yet, and what to do about it; undefined where nothing speaks against it. */
  unprotected?(project: Project): Promise<{ reason: string; hint: string } | undefined>;
  /** What the project gives back when its containers go, be its data kept or not. */
  leaves?(leaving: Leaving): Promise<Step[]>;
  /** What goes with the volumes, beside them: after the containers. */
  withVolumes?(leaving: Leaving): Promise<Step[]>;
  /** The data is gone. */
  deleted?(state: StateFolder): Promise<void>;
  /** What is there of it beside containers, networks and volumes of the stack. */
  remains?(leaving: Leaving): Promise<Remnant[]>;
}

/** A capability: all that it contributes. Adding one is its folder and a line in src/capabilities.ts. */
export interface Capability {
  readonly name: string;
  /** In the order of `--help`. */
  readonly commands?: readonly Command[];
  /** By the first word that commands share. */
  readonly groups?: Readonly<Record<string, Group>>;
  readonly schedules?: readonly Schedule[];
  readonly steps?: Partial<StepHandlers>;
  readonly up?: UpPart;
  readonly besideRules?: BesideRules<Context, Project>;
  readonly data?: DataPart;
  /** Refuses changes while work of this capability is interrupted. @throws UserError */
  guard?(state: StateFolder, intent: Intent): Promise<void> | void;
  /** For `health`. */
  checks?(seen: Seen): Promise<Check[]> | Check[];
  /** For `why`. @throws UserError where it cannot tell */
  clues?(seen: Seen, about: Suspicion): Promise<Clue[]>;
  /** Its part of the metrics that are written when a measured command has ended. What it leaves undefined stays as it was written last. */
  metrics?(ended: Ended): Promise<readonly Metric[] | undefined> | readonly Metric[] | undefined;
  /** What opens, without this host, what else only this host opens; undefined where there is nothing of that kind. @throws UserError */
  kit?(context: Context, project: Project): Promise<KitPart | undefined>;
  /** For `init` and `update`: what else this project could have. */
  offers?(project: Project): Promise<string[]> | string[];
  /** Lines for `status`. */
  notes?(seen: Seen): Promise<string[]> | string[];
}
