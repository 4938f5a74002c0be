/** What stands behind the label `cause` of a rule or the kind of a health check. */
export interface AlertCause {
  /** A sentence for the person who is told. */
  is: string;
  /** What it costs visitors or data while it lasts. */
  effect: string;
  /** Causes that follow from this one: while it is critical, they are held back. */
  explains: readonly string[];
}

const DATA = ['database', 'database-member', 'archive', 'cache', 'cache-node'] as const;
const VISITORS = ['application', 'replica'] as const;

/** The root first: what comes later may follow from what comes earlier. */
export const ALERT_CAUSES: Readonly<Record<string, AlertCause>> = {
  disk: {
    is: 'A disk of the host is full, or nearly.',
    effect: 'Database, cache and uploads stop when no space is left.',
    explains: ['coordination', ...DATA, ...VISITORS, 'container', 'monitoring'],
  },
  memory: {
    is: 'The host or a container has too little memory.',
    effect: 'The kernel ends processes to get memory back.',
    explains: [],
  },
  coordination: {
    is: 'etcd has no leader, or members of it are away.',
    effect: 'The database cannot fail over meanwhile.',
    explains: ['database', 'database-member', 'agent', ...VISITORS],
  },
  database: {
    is: 'The database has no leader, or is not reached.',
    effect: 'Requests and sign-ins are not stored, and visitors get errors.',
    explains: ['database-member', 'archive', ...VISITORS],
  },
  'database-member': {
    is: 'A member of the database is away, or falls behind.',
    effect: 'Visitors notice nothing while another member leads; there is one failover less.',
    explains: [],
  },
  cache: {
    is: 'The cache does not serve all of its slots, or refuses writes.',
    effect: 'Visitors lose their sessions, and get errors.',
    explains: ['cache-node', ...VISITORS],
  },
  'cache-node': {
    is: 'A node of the cache is away.',
    effect: 'Visitors notice nothing while its replica serves; there is one failover less.',
    explains: [],
  },
  application: {
    is: 'The application does not serve, or answers with errors.',
    effect: 'Visitors get errors.',
    explains: ['replica'],
  },
  replica: {
    is: 'A replica of the application is away.',
    effect: 'Visitors notice nothing while the other replicas serve; they may wait longer.',
    explains: [],
  },
  edge: {
    is: 'The edge does not answer as it should.',
    effect: 'Visitors do not reach the portal.',
    explains: [],
  },
  certificate: {
    is: 'A certificate expires, and was not renewed.',
    effect: 'Browsers refuse the portal once it has expired.',
    explains: [],
  },
  container: {
    is: 'A container ends again and again.',
    effect: 'What it does is interrupted each time.',
    explains: [],
  },
  agent: {
    is: 'The agent does not run, or does not do its rounds.',
    effect: 'Containers that end or hang are not healed, and the database fails over more slowly.',
    explains: [],
  },
  archive: {
    is: 'Backups or WAL do not reach their repository.',
    effect: 'A restore would lack the newest data.',
    explains: [],
  },
  drill: {
    is: 'No drill has proven lately that a restore works.',
    effect: 'Whether the backups can be restored is not known.',
    explains: [],
  },
  channel: {
    is: 'A receiver of alerts does not take them.',
    effect: 'Alerts reach you by the other channels alone; they are sent again until the receiver takes them.',
    explains: [],
  },
  monitoring: {
    is: 'A part of the monitoring does not work.',
    effect: 'Faults may go unnoticed meanwhile.',
    explains: ['target'],
  },
  target: {
    is: 'A container gives no metrics.',
    effect: 'What happens in it is not known meanwhile.',
    explains: [],
  },
  stack: {
    is: 'What runs is not what was rendered last, or a network leads further than it should.',
    effect: 'A fault may be mended in another way than you expect, or a container may be reached from where it should not.',
    explains: [],
  },
  external: {
    is: 'A service outside that the portal shows does not answer.',
    effect: 'The portal shows it as away; everything else works.',
    explains: [],
  },
  attack: {
    is: 'Many clients are banned at once, or none can be.',
    effect: 'Visitors notice nothing; a visitor who shares an address with an attacker is refused.',
    explains: [],
  },
  intrusion: {
    is: 'Suricata tells attacks in what passes the network dmz, or does not look.',
    effect: 'It stops nothing: what was sent has reached the edge, and may have got through.',
    explains: [],
  },
  traces: {
    is: 'The collector does not take the traces of requests.',
    effect: 'Requests are served as before; the traces of this time are lost.',
    explains: [],
  },
  logs: {
    is: 'The store of logs is away, or refuses lines.',
    effect: 'Requests are served as before; lines wait on disk, and are lost once the buffer is full.',
    explains: [],
  },
  portal: {
    is: 'A channel of the portal, or Overseerr, does not accept messages about requests.',
    effect: 'People do not hear about their requests, or Overseerr does not start on them, until an administrator retries.',
    explains: [],
  },
  watchdog: { is: 'Always there: it proves that alerts arrive.', effect: 'None.', explains: [] },
};

const ORDER = Object.keys(ALERT_CAUSES);

/** The smaller, the nearer to the root; unknown ones come last. */
export const causeRank = (cause: string): number => {
  const at = ORDER.indexOf(cause);
  return at < 0 ? ORDER.length : at;
};
