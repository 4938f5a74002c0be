import type { Clue } from '../../capability/clue.ts';
import type { ListedAlert } from './alertmanager.ts';
import type { KnownAlert } from './round.ts';

/** What Alertmanager says of these services. A silence of an alert is no reason to leave it out. */
export const firingClues = (alerts: readonly ListedAlert[], services: readonly string[]): Clue[] =>
  alerts.flatMap(({ labels, annotations, startsAt }): Clue[] => {
    const service = services.find((name) => labels.instance === name || labels.service === name);
    const { alertname = '', severity = '' } = labels;
    return service === undefined
      ? []
      : [{ service, at: startsAt || null, source: 'alert', text: `${alertname} (${severity}): ${annotations.summary ?? ''}` }];
  });

/** What the job's last round knew: a check about a container ends with its service (`container.app-1`). */
export const knownClues = (alerts: readonly KnownAlert[], services: readonly string[]): Clue[] =>
  alerts
    .filter(({ fires, resolved }) => fires && resolved === undefined)
    .flatMap(({ id, severity, summary, since }): Clue[] => {
      const service = services.find((name) => id.endsWith(`.${name}`));
      return service === undefined ? [] : [{ service, at: since, source: 'alert', text: `${id} (${severity}): ${summary}` }];
    });
