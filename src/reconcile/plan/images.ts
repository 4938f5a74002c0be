import type { Stack } from '../../stack/types.ts';
import type { Step } from './step.ts';
import type { UpPlan } from './up.ts';

/** Whether an image is this one, or is built upon it. */
export const uses = (image: Stack['images'][number], ref: string): boolean =>
  image.ref === ref || (image.build?.after ? uses(image.build.after, ref) : false);

/** A parent image matters only while something that is built upon it is missing. */
export function neededImages(stack: Stack, missing: readonly string[]): string[] {
  const direct = new Set(stack.services.map((service) => service.image.ref));
  return missing.filter(
    (ref) => direct.has(ref) || stack.images.some((image) => missing.includes(image.ref) && image.build?.after?.ref === ref),
  );
}

/** Pulls what services are left out for, before anything else: what comes of it decides the rest of the plan. */
export function fetchSteps({ leftOut }: Stack, fetch: boolean): Step[] {
  const images = [...new Map(leftOut.map(({ image }) => [image.ref, image])).values()];
  return fetch && images.length > 0 ? [{ kind: 'fetch-images', images, cause: 'the engine does not have them' }] : [];
}

/** A plan with steps before its own. */
export const withSteps = (before: readonly Step[], plan: UpPlan): UpPlan => ({ ...plan, steps: [...before, ...plan.steps] });

/**
 * How a plan knows what is missing. `up` asks the engine. A command about some services leaves out what the last `up` left out: an
 * image that has come since would change them for a service that it does not start.
 */
export const absenceBy = <T>(only: readonly string[] | undefined, present: T): { present: T } | { asLeftOut: true } =>
  only === undefined ? { present } : { asLeftOut: true };
