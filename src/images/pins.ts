import type { FinishedUp, Seen } from '../capability/capability.ts';
import { writeAtomic } from '../core/files.ts';
import type { JsonObject } from '../core/json.ts';
import type { Engine } from '../docker/types.ts';
import { composeServices } from '../reconcile/plan/change.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import type { StateFolder } from '../state/state.ts';
import { asStarted, type FoundImage, type ImageFinding, imageFindings, movedPins, type Pins, pinned } from './plan/pins.ts';

const FILE = 'image-pins.json';

/** Images as `up` has last started containers of them. */
const readPins = (state: StateFolder): Pins =>
  state.readJson<Pins>(FILE, 'images are recorded again by the next `up`', (value) =>
    Object.values(value ?? {}).every((pin) => typeof (pin as { id?: unknown })?.id === 'string'),
  ) ?? {};

async function findImages(engine: Engine, refs: readonly string[]): Promise<Record<string, FoundImage | undefined>> {
  const found = await Promise.all([...new Set(refs)].map(async (ref) => [ref, await engine.image(ref)] as const));
  return Object.fromEntries(found.map(([ref, image]) => [ref, image && { id: image.id, layers: image.layers ?? [] }]));
}

/** Once `up` has ended well: what stands behind each name. A name that stands for another image than before is told. */
export async function notePins({ context, project, engine, stack, only }: FinishedUp): Promise<void> {
  const before = readPins(project.state);
  const services = stack.services.filter(({ oneOff }) => !oneOff);
  const containers = await engine.observe(stack.project);
  const started = services.flatMap(({ name, image }) =>
    containers.filter(({ service }) => service === name).map(({ imageId }) => ({ service: name, ref: image.ref, imageId })),
  );
  const found = await findImages(
    engine,
    services.map(({ image }) => image.ref),
  );
  const now = pinned(before, asStarted(found, started), context.clock.now());
  // Containers of other services were not touched: what was recorded of them is not judged by this run.
  const touched = services.filter(({ component, name }) => !only || only.includes(component) || only.includes(name));
  const refs = new Set(touched.map(({ image }) => image.ref));
  const kept = Object.fromEntries(
    Object.entries({ ...before, ...now }).map(([ref, pin]) => [ref, refs.has(ref) ? pin : (before[ref] ?? pin)]),
  );
  const known = new Set(services.map(({ image }) => image.ref));
  const pins = Object.fromEntries(Object.entries(kept).filter(([ref]) => known.has(ref)));
  for (const ref of movedPins(before, pins))
    context.report.note(`${ref} is another image than at the last \`up\`: it was built, pulled or named again since`);
  if (JSON.stringify(pins) !== JSON.stringify(before)) writeAtomic(project.state.at(FILE), `${JSON.stringify(pins, null, 1)}\n`, 0o600);
}

/** What runs and what the engine has, beside what was recorded. */
export async function verifyImages({
  engine,
  manifest,
  containers,
  project,
}: Pick<Seen, 'engine' | 'manifest' | 'containers' | 'project'>): Promise<ImageFinding[]> {
  const compose = manifest?.files.find(({ path }) => path === COMPOSE_FILE)?.contents;
  if (compose === undefined) return [];
  const ours = new Set(manifest?.services.map(({ name }) => name));
  const started = Object.entries(composeServices(compose) as Record<string, JsonObject>).flatMap(([service, { image }]) => {
    if (!ours.has(service) || typeof image !== 'string') return [];
    const own = containers.filter((container) => container.service === service);
    const entry = { service, ref: image };
    return own.length === 0 ? [{ ...entry, imageId: undefined }] : own.map(({ imageId }) => ({ ...entry, imageId }));
  });
  return imageFindings(
    readPins(project.state),
    started,
    await findImages(
      engine,
      started.map(({ ref }) => ref),
    ),
  );
}
