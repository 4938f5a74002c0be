import { UserError } from '../core/errors.ts';
import type { Task } from '../core/reporter.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { Member, MemberState } from '../stack/member.ts';

/** The name of clusterctl that the agents of every version have: what runs may be older than this program. */
const CLUSTERCTL = '/usr/local/bin/keeper';

/** How long a handover and a return may take at most. */
const PATIENCE_SECONDS = 120;

const runningController = (containers: readonly ObservedContainer[], controller: string): ObservedContainer | undefined =>
  containers.find((entry) => entry.service === controller && entry.state === 'running');

/** The service whose controller knows all groups; undefined if no service is a member of one. */
export const controllerOf = (services: readonly { member?: Pick<Member, 'controller'> }[] | undefined): string | undefined =>
  services?.find(({ member }) => member)?.member?.controller;

/** The states of the members of all groups; undefined if the controller does not run or does not answer. */
export async function memberStates(
  engine: Engine,
  containers: readonly ObservedContainer[],
  controller: string | undefined,
): Promise<Record<string, MemberState> | undefined> {
  const container = controller && runningController(containers, controller);
  if (!container) return undefined;
  const { exitCode, output } = await engine.exec(container.id, [CLUSTERCTL, 'status']);
  if (exitCode !== 0) return undefined;
  try {
    // What it waits for goes to the same stream.
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, MemberState>;
  } catch {
    return undefined;
  }
}

/** The leaders among the members. */
export const leadersOf = (states: Readonly<Record<string, MemberState>> | undefined): string[] =>
  Object.entries(states ?? {}).flatMap(([service, { role }]) => (role === 'leader' ? [service] : []));

/** What the controller said, and how it ended. */
export interface Answer {
  exitCode: number;
  /** What it printed; if it failed, the last line says why, for a person. */
  lines: string[];
}

/** The exit status by which the controller says that it refused and changed nothing; one of an older version never does. */
export const REFUSED = 3;

/** Runs the controller to its end; undefined if it does not run. */
export async function callController(
  engine: Engine,
  project: string,
  controller: string,
  argv: readonly string[],
): Promise<Answer | undefined> {
  const container = runningController(await engine.observe(project), controller);
  if (!container) return undefined;
  const { exitCode, output } = await engine.exec(container.id, [CLUSTERCTL, ...argv]);
  return { exitCode, lines: output.trim().split('\n') };
}

/** The same in the middle of a change. @throws UserError PARTIAL with its last lines, if it fails or does not run */
export async function askController(engine: Engine, project: string, controller: string, argv: readonly string[]): Promise<void> {
  const answer = await callController(engine, project, controller, argv);
  if (!answer)
    throw new UserError(
      'PARTIAL',
      `${controller} does not run, and it is needed to replace members`,
      'medianest up starts it; then run this again',
    );
  if (answer.exitCode !== 0) throw failed(argv, answer);
}

export const failed = (argv: readonly string[], { lines }: Answer): UserError =>
  new UserError(
    'PARTIAL',
    `${argv.join(' ')}: ${lines.slice(-3).join(' | ')}`,
    '`medianest status` shows the leader; `medianest health` shows why; then run the same command again',
  );

/** Hands over what one member leads, replaces or restarts its container, and waits until it is a healthy member again. */
export async function replaceMember(
  { service, member }: { service: string; member: Member },
  engine: Engine,
  project: string,
  task: Task | undefined,
  replace: () => Promise<void>,
): Promise<void> {
  task?.detail('handing over');
  await askController(engine, project, member.controller, ['handover', service]);
  task?.detail('new container');
  await replace();
  task?.detail('waiting until it has caught up');
  await askController(engine, project, member.controller, ['settled', service, String(PATIENCE_SECONDS)]);
}
