import type { Seen } from '../capability/capability.ts';
import type { Clue, Suspicion } from '../capability/clue.ts';
import { TEST_ALERT } from '../services/monitoring/alertmanager-view.ts';
import { alertmanagerIn, hasAlertmanager } from './alertmanager.ts';
import { alertsOf } from './plan/alertmanager.ts';
import { firingClues, knownClues } from './plan/clues.ts';
import { readAlertState } from './store.ts';

/** The alerts that fire about these services: by Alertmanager, or by the job's last round. */
export async function alertClues({ engine, manifest, containers, project }: Seen, { services }: Suspicion): Promise<Clue[]> {
  if (!hasAlertmanager(project)) return knownClues(Object.values(readAlertState(project.state).alerts), services);
  const alertmanager = alertmanagerIn(engine, manifest?.services, containers);
  return alertmanager ? firingClues(alertsOf(await alertmanager.json('GET', '/api/v2/alerts'), TEST_ALERT), services) : [];
}
