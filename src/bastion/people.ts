import { randomBytes } from 'node:crypto';
import type { Context, Intent, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import type { ObservedContainer } from '../docker/types.ts';
import { withLock } from '../project/with-lock.ts';
import { refuseForeign } from '../reconcile/refuse-foreign.ts';
import { noteCertificatesRead } from '../reconcile/reload.ts';
import { resolveStackSecrets, type StoredSecrets } from '../secrets/plan/secrets.ts';
import { loadSecrets, placeSecrets, saveSecrets } from '../secrets/store/secret-files.ts';
import { BASTION, BASTION_SECRETS, BASTION_UID, HOST_KEY, NO_PEOPLE, PEOPLE } from '../services/bastion/names.ts';
import type { StateFolder } from '../state/state.ts';
import { type HostKey, hostKeyOf } from './plan/host-key.ts';
import { type BastionPerson, peopleIn, textOfPeople } from './plan/people.ts';

export const hasBastion = ({ loaded }: Project): boolean => loaded.settings.components[BASTION] === true;

/** @throws UserError NOT_RUNNING where the settings have none */
export function requireBastion(project: Project): void {
  if (hasBastion(project)) return;
  throw new UserError('NOT_RUNNING', 'there is no bastion: it is off', 'set `components: { bastion: true }`, then medianest up');
}

/** Who may come in. @throws UserError STATE_DAMAGED: then nothing of it counts, and nothing is changed */
export const readPeople = (state: StateFolder): BastionPerson[] => peopleOf(loadSecrets(state));

function peopleOf(store: StoredSecrets | undefined): BastionPerson[] {
  const people = peopleIn(store?.values[PEOPLE]?.value ?? NO_PEOPLE);
  if (people) return people;
  throw new UserError(
    'STATE_DAMAGED',
    `the people of the bastion are damaged: ${PEOPLE} in secrets.json; nothing was changed`,
    `restore secrets.json of the state folder, or remove ${PEOPLE} from it to begin without people`,
  );
}

/** @throws UserError NOT_RUNNING before the first `up`, STATE_DAMAGED */
export function readHostKey(state: StateFolder): HostKey {
  const seed = loadSecrets(state)?.values[HOST_KEY]?.value;
  if (seed === undefined) throw new UserError('NOT_RUNNING', 'the bastion has no host key yet', 'medianest up');
  const key = hostKeyOf(seed);
  if (key) return key;
  throw new UserError(
    'STATE_DAMAGED',
    `the host key of the bastion is damaged: ${HOST_KEY} in secrets.json`,
    'restore secrets.json of the state folder',
  );
}

/** What became of a change: whether the running bastion has it, and how many sessions it ended. */
interface Applied {
  applied: boolean;
  ended: number;
}

/**
 * Changes who may come in: under the lock, with a line in the audit log, at once in a bastion that runs. What a bastion did not take is
 * kept, and told: it takes it within seconds, or with the next `up`.
 * @param command as the audit log names it, such as `bastion add alice`
 * @returns undefined for a dry run
 */
export async function changePeople(
  context: Context,
  project: Project,
  command: string,
  next: (people: readonly BastionPerson[]) => BastionPerson[],
  intent: Intent = {},
): Promise<Applied | undefined> {
  requireBastion(project);
  const { state, loaded } = project;
  const engine = await context.engine();
  const change = async (_lock: unknown, record: (plan: unknown) => void): Promise<Applied | undefined> => {
    const containers = await engine.observe(loaded.settings.project);
    refuseForeign(loaded.settings.project, containers, state.root);
    const store = loadSecrets(state);
    if (!store?.values[HOST_KEY])
      throw new UserError('NOT_RUNNING', 'the bastion was not started yet; nothing was changed', 'medianest up');
    const people = next(peopleOf(store));
    if (context.flags.dryRun) return undefined;
    record(command);
    const since = context.clock.now().toISOString();
    saveSecrets(state, { ...store, values: { ...store.values, [PEOPLE]: { value: textOfPeople(people), origin: 'given', since } } });
    const container = containers.find(({ service }) => service === BASTION);
    if (!container) {
      context.report.note('the bastion has no container: the change counts from the next `medianest up` on');
      return { applied: false, ended: 0 };
    }
    try {
      return await hand(context, state, container);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      context.report.warn(`the change is kept, but the bastion has not taken it: ${error.message}; ${error.hint}`);
      return { applied: false, ended: 0 };
    }
  };
  return withLock(context, state, command, change, intent);
}

/** Gives the bastion its copy, and has it read that. */
async function hand(context: Context, state: StateFolder, container: ObservedContainer): Promise<Applied> {
  const service = { name: BASTION, uid: BASTION_UID, secrets: [...BASTION_SECRETS], reloadsSecrets: true, image: { ref: container.image } };
  const resolved = resolveStackSecrets(BASTION_SECRETS, loadSecrets(state), (bytes) => randomBytes(bytes).toString('base64url'), '');
  await placeSecrets(state, service, resolved.values, resolved.fingerprints, await context.docker());
  if (container.state !== 'running') {
    context.report.note('the bastion does not run: the change counts once it does (medianest up)');
    return { applied: false, ended: 0 };
  }
  const { exitCode, output } = await (await context.engine()).exec(container.id, ['/usr/local/bin/bastion', 'apply']);
  const last = output.trim().split('\n').at(-1) ?? '';
  if (exitCode !== 0) throw new UserError('NOT_RUNNING', last || `its program ended with status ${exitCode}`, 'medianest logs bastion');
  // So that the next `up` does not have it read the same again.
  noteCertificatesRead(state, service, () => undefined);
  return { applied: true, ended: Number(/^\d+$/.exec(last)?.[0] ?? 0) };
}
