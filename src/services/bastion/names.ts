import type { SecretSpec } from '../../stack/types.ts';

// Loaded with the command line, which loads no schema.

/** Its component's name. */
export const BASTION = 'bastion';
export const BASTION_UID = 10050;

/** The seed of its host key (Ed25519, RFC 8032): 32 bytes. */
export const HOST_KEY = 'bastion-host-key';
/** Who may come in, with the secrets of their second factors: lines of text (src/bastion/plan/people.ts). */
export const PEOPLE = 'bastion-people';
/** The people, before there are any. */
export const NO_PEOPLE = 'medianest-bastion 1\n';

export const BASTION_SECRETS: readonly SecretSpec[] = [
  { name: HOST_KEY, source: { generate: true, bytes: 32 } },
  { name: PEOPLE, source: { kept: NO_PEOPLE } },
];

/** An admin may reach what an operator may, and more. */
export const BASTION_ROLES = ['admin', 'operator'] as const;
export type BastionRole = (typeof BASTION_ROLES)[number];
