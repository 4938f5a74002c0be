import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Context, Project } from '../capability/capability.ts';
import { UserError } from '../core/errors.ts';
import { writeAtomic, writing } from '../core/files.ts';
import type { JsonObject } from '../core/json.ts';
import { didYouMean } from '../core/suggest.ts';
import { prepare } from '../reconcile/prepare.ts';
import { allImages } from './all-images.ts';
import { inventory } from './inventory.ts';
import { imageSbom } from './plan/sbom.ts';
import { canDoWithout } from './store/images.ts';

export interface SbomOutcome {
  image: string;
  ref: string;
  document: JsonObject;
  /** Where it was, or would be, written; absent without a folder. */
  file?: string;
}

/** An SBOM for each of these images, or for all; written to a folder where one is given. */
export async function imageSboms(
  context: Context,
  { loaded }: Project,
  names: readonly string[],
  folder: string | undefined,
): Promise<SbomOutcome[]> {
  const engine = await context.engine();
  const prepared = await prepare(context, loaded, { unchecked: true });
  const images = await allImages(prepared, engine);
  const known = images.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown)
    throw new UserError(
      'UNKNOWN_SERVICE',
      `the profile has no image ${JSON.stringify(unknown)}; ${didYouMean(unknown, known)}`,
      'medianest images sbom writes those of all',
    );
  const wanted = images.filter(({ name }) => names.length === 0 || names.includes(name));
  const absent = await engine.missingImages(wanted.map(({ ref }) => ref));
  // One that is asked for by its name has to be there.
  const left =
    names.length > 0
      ? []
      : absent.filter((ref) => prepared.stack.services.some(({ image }) => image.ref === ref) && canDoWithout(prepared.stack, ref));
  for (const ref of left) context.report.warn(`${ref} is not here, and has no SBOM: docker pull ${ref}`);
  const chosen = wanted.filter(({ ref }) => !left.includes(ref));
  const missing = absent.filter((ref) => !left.includes(ref));
  if (missing.length > 0)
    throw new UserError(
      'IMAGE_MISSING',
      `the engine does not have ${missing.join(', ')}; nothing was written`,
      'medianest images build, or medianest images load FILE',
    );
  const outcomes: SbomOutcome[] = [];
  for (const [{ name, ref }, contents] of await inventory(context, chosen)) {
    const id = (await engine.image(ref))?.id ?? '';
    const document = documentOf(ref, () => imageSbom({ name, ref, id, contents, version: context.version, at: context.clock.now() }));
    outcomes.push({ image: name, ref, document, ...(folder !== undefined && { file: path.join(folder, `${name}.cdx.json`) }) });
  }
  if (folder === undefined || context.flags.dryRun) return outcomes;
  writing(folder, () => mkdirSync(folder, { recursive: true }), null);
  for (const { file, document } of outcomes) if (file) writeAtomic(file, `${JSON.stringify(document, null, 1)}\n`, 0o644, null);
  return outcomes;
}

function documentOf(ref: string, make: () => JsonObject): JsonObject {
  try {
    return make();
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'FILE_UNUSABLE',
      `what is in ${ref} cannot be told: ${said}; nothing was written`,
      'npm install writes that file again',
    );
  }
}
