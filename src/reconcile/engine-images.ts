import type { Context } from '../capability/capability.ts';
import type { Engine, ObservedContainer } from '../docker/types.ts';
import type { BuildFacts } from '../stack/build.ts';
import type { Absence } from '../stack/images/left-out.ts';
import type { Stack } from '../stack/types.ts';

/**
 * The stack again where its application's image has to say how it starts, and the engine has it. Where the engine is away the stack stays
 * as it is, for what only renders; a plan of containers must not be made without the answer.
 */
export async function withImageStarts(
  context: Context,
  { stack, facts, build, planned }: { stack: Stack; facts: BuildFacts; build: (facts: BuildFacts) => Stack; planned: boolean },
) {
  const unread = stack.services.find((service) => service.unread)?.image.ref;
  if (unread === undefined) return { stack, facts };
  const engine = await context.engine();
  const start = await engine.imageStart(unread).catch((error) => {
    if (planned) throw error;
    return undefined;
  });
  if (!start) return { stack, facts };
  const known = { ...facts, host: { ...facts.host, imageStarts: { [unread]: start } } };
  return { stack: build(known), facts: known };
}

/** Of the images that the stack can do without, those that the engine lacks; undefined where it has all of them. */
export async function findAbsence(
  { services }: Stack,
  { engine, containers }: { engine: Engine; containers: readonly ObservedContainer[] },
): Promise<Absence | undefined> {
  const optional = services.filter(({ without }) => without !== undefined);
  if (optional.length === 0) return undefined;
  const refs = new Set(await engine.missingImages([...new Set(optional.map(({ image }) => image.ref))]));
  if (refs.size === 0) return undefined;
  const before = containers.filter(({ service }) => optional.some(({ name, image }) => name === service && refs.has(image.ref)));
  const gone = await engine.missingImages(before.map(({ image }) => image));
  return {
    refs,
    running: Object.fromEntries(before.flatMap(({ service, image }) => (gone.includes(image) ? [] : [[service, image]]))),
  };
}
