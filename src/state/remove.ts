import { readdirSync } from 'node:fs';
import { exists, removeTree } from '../core/files.ts';
import { OURS } from './ours.ts';
import type { StateFolder } from './state.ts';

/**
 * Removes a state folder, and nothing that links in it lead to. What medianest did not make stays, and the folder with it.
 * @returns the names of what stays
 */
export function removeState(state: StateFolder): string[] {
  if (!exists(state.root)) return [];
  for (const name of OURS) removeTree(state.at(name));
  const others = readdirSync(state.root).sort();
  if (others.length === 0) removeTree(state.root);
  return others;
}
