import type { StateFolder } from '../../state/state.ts';
import type { Catalogue } from '../plan/backup-sets.ts';

export const CATALOGUE_FILE = 'backups.json';

/** The sets as the state folder remembers them; undefined where it knows of none. */
export const readCatalogue = (state: StateFolder): Catalogue | undefined =>
  state.readJson<Catalogue>(CATALOGUE_FILE, 'sets are read from the repository again', (value) =>
    Array.isArray((value as Catalogue)?.sets),
  );
