/** Its component's name, for services that it is built after. */
export const CROWDSEC = 'crowdsec';

/** Its number in its networks, and where it answers the edge (HTTP) and takes its lines (syslog over UDP, RFC 3164). */
export const CROWDSEC_HOST = 76;
export const CROWDSEC_PORT = 8080;
export const LINES_PORT = 5514;

/** Where it tells Prometheus of itself. */
export const CROWDSEC_METRICS_PORT = 6060;

/** The edge asks who is banned by this key. */
export const EDGE_KEY = 'bans-key';

/** The way out to the makers of CrowdSec, and nowhere else (bans.central): its number, and where it leads. */
export const CENTRAL_WAY = 'crowdsec-egress';
export const CENTRAL_HOST = 78;
export const CENTRAL = 'api.crowdsec.net';
