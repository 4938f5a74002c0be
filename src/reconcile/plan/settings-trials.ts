import { canonical } from '../../core/hash.ts';
import type { Rendered, Service } from '../../stack/types.ts';
import type { Change } from './change.ts';
import type { UpFacts } from './facts.ts';
import type { Step } from './step.ts';

const CAUSE = 'a refusal has to come before anything is changed';

/**
 * Settings that their own program judges before anything goes by them: of services that will read them, by a new container or
 * because their configuration is not the one that is active. The files of the last render do not tell: a command for one
 * component writes those of the others too, and does not activate them. Each program judges once.
 */
export function settingsTrials(
  wanted: readonly Service[],
  rendered: Rendered,
  { liveConfigs }: Pick<UpFacts, 'liveConfigs'>,
  changes: readonly Change[],
): Step<'prove-settings'>[] {
  const begins = new Set(changes.flatMap(({ action, service }) => (action === 'create' || action === 'recreate' ? [service] : [])));
  const steps = wanted.flatMap(({ name, image: { ref: image }, uid, memoryBytes, trial }) =>
    trial && (begins.has(name) || liveConfigs[name] !== rendered.configs[name])
      ? [{ kind: 'prove-settings' as const, service: name, image, uid, memoryBytes, trial, cause: CAUSE }]
      : [],
  );
  return steps.filter((step, index) => steps.findIndex((other) => sameTrial(other, step)) === index);
}

/** The steps of a new plan without what was judged already. */
export const unjudged = (steps: readonly Step[], done: readonly Step[]): Step[] =>
  steps.filter(
    (step) => step.kind !== 'prove-settings' || !done.some((other) => other.kind === 'prove-settings' && sameTrial(other, step)),
  );

/** Whether two steps let the same program judge the same settings. */
const sameTrial = (a: Step<'prove-settings'>, b: Step<'prove-settings'>): boolean =>
  a.image === b.image && canonical(a.trial) === canonical(b.trial);

/** How a program says that settings are refused. */
const REFUSED = 3;

/** The engine's status where an image lacks the program: an operator's own image, built from an earlier version of ours. */
const NO_PROGRAM = 127;

export type SettingsVerdict = { kind: 'accepted' } | { kind: 'refused' | 'absent' | 'unknown'; said: string };

/** What a program has said about settings. @param tail the last lines of both its streams */
export function settingsVerdict({
  exitCode,
  stdout,
  tail,
}: {
  exitCode: number;
  stdout: string;
  tail: readonly string[];
}): SettingsVerdict {
  if (exitCode === 0) return { kind: 'accepted' };
  const lines = (exitCode === REFUSED && stdout.trim() ? stdout.split('\n') : tail.slice(-3)).map((line) => line.trim()).filter(Boolean);
  const said = lines.join('; ') || `status ${exitCode}`;
  if (exitCode === NO_PROGRAM) return { kind: 'absent', said };
  return { kind: exitCode === REFUSED ? 'refused' : 'unknown', said };
}
