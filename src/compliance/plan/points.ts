import { ASVS_CODE, ASVS_SIGN_IN } from './asvs-application.ts';
import { ASVS_EDGE } from './asvs-edge.ts';
import { CIS_CONTAINERS } from './cis-containers.ts';
import { CIS_DAEMON } from './cis-daemon.ts';
import { CIS_FILES, CIS_HOST } from './cis-host.ts';
import { CIS_IMAGES, CIS_OPERATIONS } from './cis-images.ts';
import { GDPR } from './gdpr.ts';
import { type Point, pointsOf, type Row } from './point.ts';

/** As the standard orders them. */
const bySection = (rows: readonly Row[]): Row[] => [...rows].sort((a, b) => a.section.localeCompare(b.section, 'en', { numeric: true }));

/** Every point of the report, in the order of its standards. */
export const POINTS: readonly Point[] = [
  ...pointsOf('cis', bySection([...CIS_HOST, ...CIS_DAEMON, ...CIS_FILES, ...CIS_IMAGES, ...CIS_CONTAINERS, ...CIS_OPERATIONS])),
  ...pointsOf('asvs', bySection([...ASVS_CODE, ...ASVS_SIGN_IN, ...ASVS_EDGE])),
  ...pointsOf('gdpr', GDPR),
];
