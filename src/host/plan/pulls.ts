import type { ImageSpec } from '../../stack/types.ts';
import type { StorageFacts } from './facts.ts';
import { bytes, type Finding, fail } from './finding.ts';

/** What stays free after images are pulled: a database on the same disk goes on writing. */
const ROOM_BYTES = 1024 ** 3;

/** Bytes that these take on the engine's disk, about; nothing is known of an operator's own. */
export const pulledBytes = (images: readonly ImageSpec[]): number => images.reduce((sum, { pulled }) => sum + (pulled?.bytes ?? 0), 0);

/** Whether what is going to be pulled fits on the engine's disk; nothing where it does. */
export function pullFindings(images: readonly ImageSpec[], { freeBytes, path }: StorageFacts): Finding[] {
  const needs = pulledBytes(images) + ROOM_BYTES;
  if (images.length === 0 || freeBytes >= needs) return [];
  const names = images.map(({ name }) => name);
  return [
    fail(
      'disk.engine',
      `${bytes(freeBytes)} is free below ${path}; the images of ${names.join(', ')} and what they leave free need about ${bytes(needs)}`,
      `free some space (docker system df shows what takes it), or do without: \`observability: light\`, or \`components: { ${names[0]}: false }\``,
    ),
  ];
}
