import { escaped, quoted } from '../../schedule/plan/timers.ts';

/** What runs `storage unlock` at each start of the host. */
export interface UnlockRun {
  project: string;
  /** The program with its first argument, and the options that lead to the same settings. */
  argv: readonly string[];
  /** The folder of medianest.yml. */
  folder: string;
  env: Readonly<Record<string, string>>;
  /** Folders whose disks have to be mounted before. */
  disks: readonly string[];
  /** The TPM's device below /dev, where one opens the data. */
  tpm: string | undefined;
}

export const unitName = (project: string): string => `medianest-${project}-storage.service`;

/**
 * Unlocks the data before the engine starts containers, which has to wait for it: what cannot mount its volume is not started again.
 * The engine starts all the same where the key is away.
 */
export const unlockUnit = ({ project, argv, folder, env, disks, tpm }: UnlockRun): string =>
  [
    '[Unit]',
    `Description=MediaNest ${project}: unlock the data`,
    'Before=docker.service',
    // A driver may find the TPM late. One that does not come within systemd's 90 s is told by the command itself.
    ...(tpm === undefined ? [] : [`Wants=dev-${tpm}.device`, `After=dev-${tpm}.device`]),
    `RequiresMountsFor=${disks.map(word).join(' ')}`,
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    `WorkingDirectory=${escaped(folder)}`,
    ...Object.entries(env).map(([name, value]) => `Environment=${quoted(`${name}=${value}`)}`),
    `ExecStart=${argv.map(quoted).join(' ')}`,
    '',
    '[Install]',
    'WantedBy=docker.service',
    '',
  ].join('\n');

/** As systemd reads a word where it knows no variables (systemd.syntax(7)). */
const word = (text: string): string => `"${escaped(text.replace(/[\\"]/g, '\\$&'))}"`;
