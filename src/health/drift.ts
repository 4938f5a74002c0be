import type { Seen } from '../capability/capability.ts';
import type { Check } from '../capability/check.ts';
import { composeNetworks } from '../reconcile/plan/change.ts';
import { volumeName } from '../stack/labels.ts';
import { OVERRIDE_FILE } from '../stack/override/operator-override-checks.ts';
import { COMPOSE_FILE } from '../stack/render.ts';
import { driftCheck, segmentationCheck } from './plan/drift.ts';

/** For `health`: what runs, beside what was rendered last. Nothing is rendered for it: what settings would change is told by `plan`. */
export async function driftChecks({ engine, manifest, containers, project }: Seen): Promise<Check[]> {
  if (!manifest || containers.length === 0) return [];
  const name = project.loaded.settings.project;
  const text = (file: string) => manifest.files.find(({ path }) => path === file)?.contents;
  const compose = text(COMPOSE_FILE) ?? '';
  const [networks, guests] = await Promise.all([
    engine.networks(),
    engine.guests(
      name,
      Object.keys(composeNetworks(compose)).map((network) => volumeName(name, network)),
    ),
  ]);
  const edited = project.state.edited(manifest).map(({ path }) => path);
  const running = { project: name, compose, override: text(OVERRIDE_FILE), edited, containers, networks, guests };
  return [driftCheck(running), segmentationCheck(running)];
}
