import type { Blueprint, LeftOut } from '../types.ts';

/** What the engine has of the images that the stack can do without. */
export interface Absence {
  /** References that it does not have. */
  refs: ReadonlySet<string>;
  /** Service -> the image that its container was made from, which the engine still has. */
  running: Readonly<Record<string, string>>;
}

export const NOTHING_ABSENT: Absence = { refs: new Set(), running: {} };

/** The same as the last `up` found it, which the engine is not asked for. @param leftOut of its manifest */
export const recordedAbsence = (leftOut: readonly { service: string; image: string; keeps?: string }[] = []): Absence => ({
  refs: new Set(leftOut.map(({ image }) => image)),
  running: Object.fromEntries(leftOut.flatMap(({ service, keeps }) => (keeps === undefined ? [] : [[service, keeps]]))),
});

/** Whether a service may be left out, and its image is missing. */
const lacks = ({ image, without }: Blueprint, { refs }: Absence): boolean => without !== undefined && refs.has(image.ref);

/**
 * The containers that can be made with the images that there are. One that runs from an earlier image keeps that; others
 * are left out, and with them what needs them.
 */
export function leaveOut(built: readonly Blueprint[], absence: Absence): { kept: Blueprint[]; leftOut: LeftOut[] } {
  const leftOut: LeftOut[] = [];
  const gone = new Set<string>();
  const present: Blueprint[] = [];
  for (const blueprint of built) {
    const { name, image, without = '' } = blueprint;
    if (!lacks(blueprint, absence)) {
      present.push(blueprint);
      continue;
    }
    const keeps = absence.running[name];
    leftOut.push({ service: name, image, without, ...(keeps !== undefined && { keeps }) });
    if (keeps === undefined) gone.add(name);
    else present.push({ ...blueprint, image: { name: image.name, ref: keeps } });
  }
  const kept: Blueprint[] = [];
  for (const blueprint of present) {
    if (!(blueprint.needs ?? []).some((name) => gone.has(name))) kept.push(blueprint);
    else if (!leftOut.some(({ service }) => service === blueprint.name))
      leftOut.push({ service: blueprint.name, image: blueprint.image, without: blueprint.without ?? '' });
  }
  // In one order, whether its own image is missing or that of what it needs.
  const place = new Map(built.map(({ name }, index) => [name, index]));
  leftOut.sort((a, b) => (place.get(a.service) ?? 0) - (place.get(b.service) ?? 0));
  return { kept, leftOut };
}

/** One line for each, for people. @param next what is done about it */
export const leftOutLines = (leftOut: readonly LeftOut[], next: string): string[] =>
  leftOut.map(({ service, image, without, keeps }) =>
    keeps === undefined
      ? `${service} is left out: ${image.pulled ? 'its image' : 'the image'} ${image.ref} is not here. Without it: no ${without}. ${next}`
      : `${service} keeps the image ${keeps}: ${image.ref} is not here. ${next}`,
  );
