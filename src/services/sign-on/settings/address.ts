import type { BuildInput } from '../../../stack/service.ts';
import type { SecretSpec } from '../../../stack/types.ts';
import { generated } from '../../shared/member.ts';

/** Its number in its networks, and where it answers the edge (FastCGI). */
export const SIGN_ON_HOST = 70;
export const SIGN_ON_PORT = 9000;

/** Its component's name, for services that it is built after. */
export const SIGN_ON = 'sign-on';

/** How the edge says who is signed in is signed with this; the application checks it by the same. */
export const ASSERTION_KEY = 'sign-on-assertion-key';

/** The role of the identity provider in the database, and its schema there: both have this name. */
export const DATABASE_ROLE = 'sign_on';
export const DATABASE_PASSWORD = 'sign-on-database-password';

/** The password of that role, where the database sets it. */
export const databaseSecrets = (input: BuildInput): SecretSpec[] => (input.enabled(SIGN_ON) ? [generated(DATABASE_PASSWORD)] : []);

/** The secret by which second factors are encrypted. A stack has it from the first render with sign-on on. */
export const ENGINE_KEY = 'sign-on-engine-key';

/** The rule of who is signed in, whatever the role: the edge asks for it where only the address counts. No rule of paths has this name. */
export const ANY_SESSION = 'any';

/** How long the edge believes an answer about a session without asking again: so long can one that has ended still pass. */
export const FRESH_SECONDS = 5;
