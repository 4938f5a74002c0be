import { UserError } from '../core/errors.ts';
import type { Task } from '../core/reporter.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { Member, MemberState } from '../stack/member.ts';

const KEEPER = '/usr/local/bin/keeper';

/** How long a hand-over and a return may take at most. */
const PATIENCE_SECONDS = 120;

const runningKeeper = (containers: readonly ObservedContainer[], keeper: string): ObservedContainer | undefined =>
  containers.find((entry) => entry.service === keeper && entry.state === 'running');

/** The service whose keeper knows all groups; undefined where nothing is a member of one. */
export const keeperOf = (services: readonly { member?: Pick<Member, 'keeper'> }[] | undefined): string | undefined =>
  services?.find(({ member }) => member)?.member?.keeper;

/** What the members of all groups say of themselves; undefined where their keeper does not run or does not answer. */
export async function memberStates(
  engine: Engine,
  containers: readonly ObservedContainer[],
  keeper: string | undefined,
): Promise<Record<string, MemberState> | undefined> {
  const container = keeper && runningKeeper(containers, keeper);
  if (!container) return undefined;
  const { exitCode, output } = await engine.exec(container.id, [KEEPER, 'status']);
  if (exitCode !== 0) return undefined;
  try {
    // What it waits for goes to the same stream.
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Record<string, MemberState>;
  } catch {
    return undefined;
  }
}

/** Those of the members that lead. */
export const leadersOf = (states: Readonly<Record<string, MemberState>> | undefined): string[] =>
  Object.entries(states ?? {}).flatMap(([service, { role }]) => (role === 'leader' ? [service] : []));

/** Runs the keeper. @throws UserError PARTIAL with its last words, where it fails or is not there to be asked */
export async function askKeeper(engine: Engine, project: string, keeper: string, argv: readonly string[]): Promise<string> {
  const container = runningKeeper(await engine.observe(project), keeper);
  if (!container)
    throw new UserError(
      'PARTIAL',
      `${keeper} does not run, and it knows how members are changed`,
      'medianest up starts it; then run this again',
    );
  const { exitCode, output } = await engine.exec(container.id, [KEEPER, ...argv]);
  if (exitCode === 0) return output;
  const said = output.trim().split('\n').slice(-3).join(' | ');
  throw new UserError(
    'PARTIAL',
    `${argv.join(' ')}: ${said}`,
    '`medianest status` shows who leads; `medianest health` shows why; then run the same command again',
  );
}

/** Takes one member out, has its container replaced or restarted, and waits until it takes part again. */
export async function replaceMember(
  { service, member }: { service: string; member: Member },
  engine: Engine,
  project: string,
  task: Task | undefined,
  replace: () => Promise<void>,
): Promise<void> {
  task?.detail('handing over');
  await askKeeper(engine, project, member.keeper, ['handover', service]);
  task?.detail('new container');
  await replace();
  task?.detail('waiting until it has caught up');
  await askKeeper(engine, project, member.keeper, ['settled', service, String(PATIENCE_SECONDS)]);
}
