import type { Context, Project } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { UserError } from '../core/errors.ts';
import { readOptional } from '../core/files.ts';
import { isEveryAddress, reachableHere } from '../core/ip-address.ts';
import { endedByFault } from '../docker/plan/ends.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { BastionSettings } from '../services/bastion/bastion.ts';
import { BASTION } from '../services/bastion/names.ts';
import { listenAddresses } from '../settings/fields.ts';
import { askHostKey } from './ask-host-key.ts';
import { readHostKey, readPeople } from './people.ts';
import { type BastionState, bastionChecks, type Forwards, forwardsIn, type Way } from './plan/describe.ts';
import { type JournalLine, journalLines } from './plan/events.ts';

export const bastionSettingsOf = ({ loaded }: Project): BastionSettings => loaded.settings[BASTION] as BastionSettings;

/** What each role may forward to, by what was rendered last; undefined before the first `up`. */
export function readForwards({ state }: Project): Forwards | undefined {
  const text = readOptional(state.at('config', BASTION, 'current', 'sshd_config'));
  return text === undefined ? undefined : forwardsIn(text);
}

/** Where people connect to: an address that the bastion is published on, or else the portal's first name. @param name who it is for */
export function wayOf(project: Project, name: string): Way {
  const { address, port } = bastionSettingsOf(project);
  const [first = ''] = listenAddresses(address);
  const edge = project.loaded.settings.edge as { domains?: readonly string[] } | undefined;
  const named = edge?.domains?.find((domain) => domain !== 'localhost') ?? 'HOST';
  return { host: isEveryAddress(first) ? named : first, port, name };
}

async function ask(engine: Engine, containers: readonly ObservedContainer[], command: string, ...rest: string[]): Promise<string> {
  const container = containers.find(({ service, state }) => service === BASTION && state === 'running');
  if (!container) throw new UserError('NOT_RUNNING', 'the bastion does not run', 'medianest up');
  const { exitCode, output } = await engine.exec(container.id, ['/usr/local/bin/bastion', command, ...rest]);
  if (exitCode === 0) return output;
  throw new UserError('NOT_RUNNING', `the bastion does not answer: ${output.trim().split('\n').at(-1)}`, 'medianest logs bastion');
}

/** Whether a person has stopped the bastion, or taken the stack down: nothing is wrong then. */
export async function wasStopped(engine: Engine, containers: readonly ObservedContainer[]): Promise<boolean> {
  const container = containers.find(({ service }) => service === BASTION);
  if (!container) return containers.length === 0;
  if (container.state !== 'exited') return false;
  const story = await engine.story(container.id);
  return story !== undefined && !endedByFault(story.exitCode);
}

/** @throws UserError NOT_RUNNING */
export async function readState(engine: Engine, containers: readonly ObservedContainer[]): Promise<BastionState> {
  const output = await ask(engine, containers, 'state');
  try {
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as BastionState;
  } catch (cause) {
    throw new UserError('NOT_RUNNING', 'the bastion gives no answer that can be read', 'medianest logs bastion', { cause });
  }
}

/** The journal of sign-ins, the oldest first. @throws UserError NOT_RUNNING */
export const readJournal = async (engine: Engine, containers: readonly ObservedContainer[]): Promise<JournalLine[]> =>
  journalLines(await ask(engine, containers, 'journal'));

/** A picture of the person's second factor, for a terminal; undefined where the bastion cannot draw it. */
export async function pictureOf(context: Context, project: Project, name: string): Promise<string | undefined> {
  const engine = await context.engine();
  try {
    return (await ask(engine, await engine.observe(project.loaded.settings.project), 'qr', name)).trimEnd();
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** For `health`: whether the port answers with our host key, codes work, and the time of people is over. */
export async function checkBastion(context: Context, project: Project, containers: readonly ObservedContainer[]): Promise<Check[]> {
  try {
    const people = readPeople(project.state);
    const expected = readHostKey(project.state).line;
    const { address, port } = bastionSettingsOf(project);
    const [first = ''] = listenAddresses(address);
    const [state, served] = await Promise.all([
      readState(await context.engine(), containers).catch((error: Error) => error.message),
      askHostKey(reachableHere(first), port).then(
        (found) => ({ expected, found }),
        (error: Error) => ({ expected, failed: error.message }),
      ),
    ]);
    return bastionChecks(people, state, served, context.clock.now());
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return [{ id: 'bastion', status: 'fail', message: `bastion: ${error.message}`, remedy: error.hint }];
  }
}
