import type { Check } from '../../capability/check.ts';
import { plural } from '../../core/plural.ts';
import type { Boot } from './unit.ts';

/** What was found of the firewall: in the kernel, in the state folder, and what the settings ask for. */
export interface Found {
  enabled: boolean;
  /** The rules that settings and stack ask for now. */
  wanted: string;
  /** The rules that were confirmed last, and when. */
  confirmed: { text: string; at: string } | undefined;
  /** Rules that were tried and neither confirmed nor cleared away, and until when. */
  trial: { text: string; at: string } | undefined;
  /** Undefined where the kernel could not be asked, with the reason. */
  kernel: Kernel | undefined;
  unread?: string;
  /** Ports that the engine publishes and the confirmed rules do not know; undefined where it could not be asked. */
  ungoverned: readonly string[] | undefined;
  /** What systemd does for the rules: undefined where it does not run. */
  boot: Boot | undefined;
}

export interface Kernel {
  /** The table of the rules in force: as confirmed, changed since, or not there. */
  table: 'absent' | 'as confirmed' | 'changed' | 'unconfirmed';
  /** Seconds until the tried rules end; 0 where none are. */
  trialLeft: number;
}

export type State = 'off' | 'trial' | 'active' | 'changed' | 'gone' | 'unknown';

export interface Verdict {
  state: State;
  /** What is not as it was confirmed, or as it is asked for; empty where all is well. */
  drift: string[];
  trialSecondsLeft: number;
  confirmedAt: string | null;
}

/** What is in force, and what differs from what should be. */
export function verdict(found: Found): Verdict {
  const { confirmed, kernel } = found;
  const base = { confirmedAt: confirmed?.at ?? null, trialSecondsLeft: kernel?.trialLeft ?? 0 };
  if (!kernel) return { ...base, state: 'unknown', drift: [] };
  const state = stateOf(kernel, confirmed !== undefined);
  return { ...base, state, drift: state === 'trial' ? [] : [...kernelDrift(kernel, found), ...settingsDrift(state, found)] };
}

function stateOf({ table, trialLeft }: Kernel, confirmed: boolean): State {
  if (trialLeft > 0) return 'trial';
  if (table === 'absent') return confirmed ? 'gone' : 'off';
  return table === 'as confirmed' ? 'active' : 'changed';
}

function kernelDrift({ table }: Kernel, { confirmed, trial }: Found): string[] {
  return [
    ...(table === 'absent' && confirmed ? ['another program has removed the rules from the kernel'] : []),
    ...(table === 'changed' ? ['the rules in the kernel are not those that were confirmed'] : []),
    ...(table === 'unconfirmed' ? ['the kernel has rules that this state folder does not know'] : []),
    ...(trial ? [`the rules tried until ${trial.at} were not confirmed, so they are no longer in force`] : []),
  ];
}

function settingsDrift(state: State, { enabled, wanted, confirmed, ungoverned, boot }: Found): string[] {
  if (!enabled) return state === 'off' ? [] : ['firewall.enabled is false, and rules are loaded'];
  return [
    ...(state === 'off' ? ['firewall.enabled is true, and no rules are loaded'] : []),
    ...(confirmed && confirmed.text !== wanted ? ['settings, lists or the stack have changed since the rules were confirmed'] : []),
    ...(ungoverned && ungoverned.length > 0
      ? [
          `${plural(ungoverned.length, 'published port')} without a rule: ${ungoverned.join(', ')} (compose.override.yml; name it in firewall.ports)`,
        ]
      : []),
    ...(confirmed && boot === 'missing' ? ['systemd does not load the rules at the next start of this host'] : []),
    ...(confirmed && boot === 'stopped'
      ? ['the unit that watches the rules does not run: what another program flushes stays flushed']
      : []),
  ];
}

const APPLY = 'sudo medianest firewall apply';

/** For `health`. Nothing is said of a firewall that is off and not loaded. */
export function firewallChecks(found: Found): Check[] {
  const { state, drift, trialSecondsLeft } = verdict(found);
  const check = (status: Check['status'], message: string, remedy?: string): Check[] => [
    { id: 'firewall', status, message: `firewall: ${message}`, ...(remedy && { remedy }) },
  ];
  if (state === 'unknown') return check('warn', `its rules cannot be read: ${found.unread}`, 'sudo medianest health');
  if (state === 'trial') return check('warn', `rules are tried for another ${trialSecondsLeft} s`, 'sudo medianest firewall confirm');
  if (drift.length > 0) {
    const open = found.enabled && state !== 'active';
    return check(open ? 'fail' : 'warn', drift.join('; '), found.enabled ? APPLY : 'sudo medianest firewall remove');
  }
  return state === 'off' ? [] : check('ok', 'the confirmed rules are loaded');
}
