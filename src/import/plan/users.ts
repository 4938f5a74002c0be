import { UserError } from '../../core/errors.ts';
import { SIGN_ON } from '../../services/sign-on/settings/address.ts';
import type { Settings } from '../../settings/schema.ts';

/**
 * Who may sign in is in the database that is replaced, in a schema that the one in its place does not have.
 * @throws UserError IMPORT_REFUSED where visitors sign in
 */
export function refuseLosingUsers({ components }: Pick<Settings, 'components'>): void {
  if (components[SIGN_ON] !== true) return;
  throw new UserError(
    'IMPORT_REFUSED',
    'sign-on has its users in the database that would be replaced, and they would be lost; nothing was changed',
    'set `components: { sign-on: false }` and `medianest up`, import, then switch it on again and invite the users; `--into NAME` rehearses without that',
  );
}
