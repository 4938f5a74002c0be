import type { BuildInput } from '../../stack/service.ts';

/** Memory limit of a container with data: `cache.memory`, or what the mode's own settings say. */
export const memoryBytes = (own: { memory: number }, { settings }: Pick<BuildInput, 'settings'>): number =>
  settings.cache.memory ?? own.memory;

/** Of a container's memory, what data may take: a quarter is left for a fork that rewrites the file and for clients' buffers. */
export const dataBytes = (limit: number): number => Math.floor((limit * 3) / 4);
