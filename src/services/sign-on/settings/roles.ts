/** The roles that medianest knows, from the one with most rights: each may do what those after it may. Other groups are the application's. */
export const ROLES = ['admin', 'operator', 'member', 'guest'] as const;

export type Role = (typeof ROLES)[number];

/** Stands for no sign-in at all. */
export const EVERYONE = 'everyone';

/** These sign in with a second factor, or not at all. */
export const WITH_SECOND_FACTOR: readonly Role[] = ['admin', 'operator'];

const isRole = (name: string): name is Role => (ROLES as readonly string[]).includes(name);

/** The groups that have what any of these has: a role stands for all that are above it too. */
export function groupsFor(names: readonly string[]): string[] {
  const lowest = Math.max(-1, ...names.filter(isRole).map((role) => ROLES.indexOf(role)));
  return [...ROLES.slice(0, lowest + 1), ...names.filter((name) => !isRole(name))];
}
