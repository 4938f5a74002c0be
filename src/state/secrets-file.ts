import type { StoredSecrets } from '../secrets/plan/secrets.ts';
import { isStored } from '../secrets/plan/secrets.ts';
import type { StateFolder } from './state.ts';

/** Other than of the rest of the state folder, nothing makes these again. */
const MEND =
  'bring it back: medianest secrets recover --kit FILE, from the recovery kit; or from your copy of the state folder. New ones would not match the data, nor open a backup';

/** `secrets.json`; undefined where there is none. @throws UserError STATE_DAMAGED, STATE_UNWRITABLE where it cannot be read */
export const readSecretsFile = (state: StateFolder): StoredSecrets | undefined =>
  state.readJson<StoredSecrets>('secrets.json', { fix: MEND }, isStored);
