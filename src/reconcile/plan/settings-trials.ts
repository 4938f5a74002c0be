import { canonical } from '../../core/hash.ts';
import { COMPOSE_FILE } from '../../stack/render.ts';
import type { Rendered, Service } from '../../stack/types.ts';
import { composeServices } from './change.ts';
import type { Step } from './step.ts';

type Files = readonly { path: string; contents: string }[];

/**
 * Settings that their own program judges before anything goes by them: of services whose files or image are not those of the last
 * render, each program once. @param before the files of the last render
 */
export function settingsTrials(wanted: readonly Service[], rendered: Rendered, before: Files): Step<'prove-settings'>[] {
  const changed = changedSince(rendered.files, before);
  const steps = wanted.flatMap(({ name, image: { ref: image }, uid, trial }) =>
    trial && changed(name, image)
      ? [{ kind: 'prove-settings' as const, service: name, image, uid, trial, cause: 'a refusal has to come before anything is changed' }]
      : [],
  );
  return steps.filter((step, index) => steps.findIndex((other) => sameTrial(other, step)) === index);
}

/** Whether two steps let the same program judge the same settings. */
export const sameTrial = (a: Step<'prove-settings'>, b: Step<'prove-settings'>): boolean =>
  a.image === b.image && canonical(a.trial) === canonical(b.trial);

/** Whether a service has other files or another image than at the last render. */
function changedSince(files: Files, before: Files): (service: string, image: string) => boolean {
  const old = new Map(before.map(({ path, contents }) => [path, contents]));
  const differs = ({ path, contents }: Files[number]) => old.get(path) !== contents;
  // Reading the Compose file costs more than all the rest.
  const composed = files.some((file) => file.path === COMPOSE_FILE && differs(file)) ? composeServices(old.get(COMPOSE_FILE)) : undefined;
  return (service, image) =>
    files.some((file) => file.path.startsWith(`${service}/`) && differs(file)) ||
    (composed !== undefined && composed[service]?.image !== image);
}

/** How a program says that settings are refused; with any other status it has not judged them. */
const REFUSED = 3;

export type SettingsVerdict = { kind: 'accepted' } | { kind: 'refused' | 'unknown'; said: string };

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
  return { kind: exitCode === REFUSED ? 'refused' : 'unknown', said: lines.join('; ') || `status ${exitCode}` };
}
