// @ts-check

/** @typedef {'look' | 'request' | 'decide' | 'administer'} Right */

/**
 * What a role may do: each one what the roles before it may, and one thing more. `look`: see what is there; `request`: ask for
 * something and upload; `decide`: approve, decline and see what all have asked for; `administer`: see people and set their quotas.
 * @type {readonly (readonly [role: string, right: Right])[]}
 */
const ROLES = [
  ['guest', 'look'],
  ['member', 'request'],
  ['operator', 'decide'],
  ['admin', 'administer'],
];

/** Where no sign-on stands in front. Quotas of people need people. @type {readonly Right[]} */
export const OPEN = ['look', 'request', 'decide'];

/**
 * The highest role of a person; undefined where no group is one of ours.
 * @param {readonly string[]} groups
 * @returns {string | undefined}
 */
export const roleOf = (groups) => ROLES.findLast(([role]) => groups.includes(role))?.[0];

/**
 * @param {string} role
 * @returns {Right[]}
 */
export const rightsOf = (role) => ROLES.slice(0, ROLES.findIndex(([name]) => name === role) + 1).map(([, right]) => right);
