import { UserError } from '../core/errors.ts';
import { exists } from '../core/files.ts';
import type { Manifest } from '../stack/manifest.ts';
import { readSecretsFile } from '../state/secrets-file.ts';
import type { StateFolder } from '../state/state.ts';

/** A file of the state folder that is not what it should be. */
export interface Fault {
  path: string;
  message: string;
  remedy: string;
}

/** Each is read by some command alone, which would be the first to say so. */
const FILES = [
  ...['state.json', 'subnets.json', 'orders.json', 'releases.json', 'drained.json', 'kept-release.json', 'image-pins.json', 'kit.json'],
  ...['backups.json', 'backup-failures.json', 'restoring.json', 'restore.json', 'leader-change.json', 'volume-owners.json'],
  ...['encryption.json', 'encryption-move.json', 'carry.json', 'sealed.json'],
];

const faultOf = ({ path = '', message, hint }: UserError): Fault => ({
  path,
  message: message.replace(/; nothing was changed$/, ''),
  remedy: hint,
});

const FAULTS: readonly string[] = ['STATE_DAMAGED', 'STATE_UNWRITABLE'];

/** The fault that an error tells of, a file that is damaged or cannot be read; undefined for any other error. */
export const faultIn = (error: unknown): Fault | undefined =>
  error instanceof UserError && FAULTS.includes(error.code) && error.path !== undefined ? faultOf(error) : undefined;

/** What was rendered last, for those who look: undefined too where it is damaged, which `stateFaults` tells. */
export function manifestIfSound(state: StateFolder): Manifest | undefined {
  try {
    return state.manifest();
  } catch (error) {
    if (error instanceof UserError && error.code === 'STATE_DAMAGED') return undefined;
    throw error;
  }
}

/** Files that are damaged or cannot be read, and the secrets where they are missing. */
export function stateFaults(state: StateFolder): Fault[] {
  const reads = [
    () => readSecretsFile(state),
    () => state.manifest(),
    ...FILES.map((name) => () => state.readJson(name, 'what it has noted is lost')),
  ];
  const found = reads.flatMap((read): Fault[] => {
    try {
      read();
      return [];
    } catch (error) {
      if (error instanceof UserError) return [faultOf(error)];
      throw error;
    }
  });
  return [...missingSecrets(state), ...found];
}

function missingSecrets(state: StateFolder): Fault[] {
  const path = state.at('secrets.json');
  if (!exists(state.at('current')) || exists(path)) return [];
  return [
    {
      path,
      message: `${path} is missing, and a stack was started with it: \`up\` would make new passwords, and nothing would open the backups`,
      remedy: 'medianest secrets recover --kit FILE, from the recovery kit; or from your copy of the state folder',
    },
  ];
}
