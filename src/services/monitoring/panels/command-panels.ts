import { type Panel, panel } from './panel.ts';

/** What commands have measured (node-exporter reads it), for Grafana: the dashboard page and the report read the same at its source. */
export const COMMAND_PANELS: readonly Panel[] = [
  panel(
    'backups',
    'backup-age',
    'seconds',
    'Age of the newest good backup',
    'time() - max by (type) (medianest_backup_last_good_timestamp_seconds{job="node"})',
    { by: 'type', description: 'Time since the newest good backup of each type was finished.' },
  ),
  panel('backups', 'backup-stored', 'bytes', 'What backups add', 'max by (type) (medianest_backup_last_good_stored_bytes{job="node"})', {
    by: 'type',
    description: 'What the newest good backup of each type has added to the repository.',
  }),
  panel('backups', 'drill-rpo', 'seconds', 'RPO of the last drill', 'max(medianest_drill_rpo_seconds{job="node"})', {
    description: 'How much of the newest data the last drill would have lost, as a time.',
  }),
  panel('backups', 'drill-rto', 'seconds', 'RTO of the last drill', 'max(medianest_drill_rto_seconds{job="node"})', {
    description: 'How long the last drill took to restore.',
  }),
];
