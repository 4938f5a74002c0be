export const PARTS = ['db', 'files', 'redis', 'settings'] as const;
/** A part of a set that can be restored alone. */
export type Part = (typeof PARTS)[number];
