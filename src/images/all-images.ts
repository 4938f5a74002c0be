import type { Engine } from '../docker/types.ts';
import type { Prepared } from '../reconcile/prepare.ts';
import type { ImageSpec } from '../stack/types.ts';

/** Those of tools that run when they are needed: built then, or not at all. */
export const tools = (tool: Prepared['tool']): ImageSpec[] => ['lego', 'testssl'].map(tool);

/** All images of the stack, what they are built on before them, and those of tools that the engine has. */
export async function allImages({ stack, tool }: Pick<Prepared, 'stack' | 'tool'>, engine: Engine): Promise<ImageSpec[]> {
  const all = tools(tool);
  const missing = await engine.missingImages(all.map(({ ref }) => ref));
  return [...stack.images, ...all.filter(({ ref }) => !missing.includes(ref))];
}
