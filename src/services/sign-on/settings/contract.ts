import type * as z from 'zod';
import type { BuildInput, ServiceDefinition } from '../../../stack/service.ts';
import type { SecretSpec } from '../../../stack/types.ts';
import { generated } from '../../shared/member.ts';
import { ASSERTION_KEY, SIGN_ON } from './address.ts';

/** The edge's settings, without the edge: it builds upon this folder. */
const EDGE = { key: 'edge' } as ServiceDefinition<z.ZodType<{ access: unknown }>>;

/** What the application gets to check by who is signed in (docs/app-contract.md); nothing where the edge asks none to sign in. */
export function signOnContract(input: BuildInput): { environment: Record<string, string>; secrets: SecretSpec[] } {
  const asks = input.enabled(SIGN_ON) && input.enabled('edge') && input.settingsOf(EDGE).access !== 'none';
  if (!asks) return { environment: {}, secrets: [] };
  return {
    environment: { SIGN_ON_KEY_FILE: `/run/secrets/${ASSERTION_KEY}`, SIGN_OUT_URL: '/auth/?logout=1' },
    secrets: [generated(ASSERTION_KEY)],
  };
}
