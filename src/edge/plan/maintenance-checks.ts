import type { Check } from '../../capability/check.ts';
import type { Overrides } from '../../stack/overrides.ts';

/** Meant as it is, so no failure; but who asks why visitors are turned away is told. */
export const maintenanceChecks = (maintenance: Overrides['maintenance']): Check[] =>
  maintenance
    ? [
        {
          id: 'maintenance',
          status: 'warn',
          message: `maintenance mode since ${maintenance.since}: visitors get 503`,
          remedy: 'medianest maintenance off',
          value: maintenance.since,
        },
      ]
    : [];
