import type { BuildInput } from '../../../stack/service.ts';
import type { SecretSpec } from '../../../stack/types.ts';
import { generated } from '../../shared/member.ts';
import { ASSERTION_KEY, SIGN_ON } from './address.ts';

/** What the application gets to check by who is signed in (docs/app-contract.md); nothing without sign-on. */
export function signOnContract(input: BuildInput): { environment: Record<string, string>; secrets: SecretSpec[] } {
  if (!input.enabled(SIGN_ON)) return { environment: {}, secrets: [] };
  return { environment: { SIGN_ON_KEY_FILE: `/run/secrets/${ASSERTION_KEY}` }, secrets: [generated(ASSERTION_KEY)] };
}
