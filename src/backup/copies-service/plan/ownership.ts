/** The file that says whose repository a folder is. */
export const IDENTITY = 'repository.id';

/** What is done with the place that a copy goes to: `begin` sends all of it again. */
export type Ownership = { as: 'begin' | 'ours' } | { as: 'refused'; why: string };

/**
 * Whether a place holds a copy of this repository, or becomes one. What another installation has there is never touched.
 * A place is begun where it is empty, where it has an identity without content (a run was killed when it began the copy), and
 * where somebody has emptied it.
 * @param names of the files and folders there; @param identity what is in its `repository.id`, where it has one
 */
export function ownership(own: string, names: readonly string[], identity: string): Ownership {
  if (names.every((name) => name === IDENTITY) && identity === '') return { as: 'begin' };
  if (!names.includes(IDENTITY)) return { as: 'refused', why: 'something else is there already: give it an empty folder of its own' };
  if (identity === own) return { as: 'ours' };
  return { as: 'refused', why: `it is the copy of another repository (${identity}), and is not touched` };
}

export const BEGUN_AGAIN = 'nothing that the copy holds is here: medianest backup fetch brings it back; or give the copy an empty folder';

/** Whether what a copy holds may be brought here. @param own the identity here, empty where nothing was ever backed up */
export const fetchRefusal = (own: string, there: string): string | undefined =>
  own === '' || own === there ? undefined : `it is the copy of another repository (${there}) than the one here (${own})`;
