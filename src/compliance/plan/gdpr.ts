import { isEveryAddress } from '../../core/ip-address.ts';
import { plural } from '../../core/plural.ts';
import { MEASURES, RESTORE } from './gdpr-security.ts';
import { asked, byHand, cannotTell, met, names, notApplicable, open, type Row, row } from './point.ts';

const MINIMISATION: readonly Row[] = [
  row('5(1)(c) logs', 'Logs hold no more of visitors than is needed', ['logs'], ({ logs: { edge } }) => {
    if (!edge) return cannotTell('the edge has written no line yet', 'open a page of the portal, then again');
    if (edge.query)
      return open('the edge logs the query of addresses, which may hold names and tokens', 'remove the override of its log format');
    const has = [...(edge.client ? ['the address'] : []), 'the path without its query', ...(edge.agent ? ['the browser’s name'] : [])];
    return byHand(`the edge logs ${has.join(', ')} of each request: needed against attacks (Recital 49)? Say so in your notice`);
  }),
  row('5(1)(e) logs', 'Logs are deleted after a set time', ['logs'], ({ logs: { store, days, problem } }) => {
    if (store === 'off')
      return open('only the engine has logs, which end by size and not by time', 'set `logs.store` and `logs.days` (docs/logs.md)');
    if (problem) return open(`whether lines are deleted after ${days} days is not sure: ${problem}`, '`medianest health` says more');
    return met(`${store} keeps lines for ${days} days at most (\`logs.days\`)`);
  }),
  row('5(1)(e) engine', 'The engine’s own logs are bounded', ['containers'], ({ containers }) => {
    const unbounded = containers.filter(({ logDriver, logOptions }) => logDriver === 'json-file' && !logOptions['max-size']);
    return unbounded.length > 0
      ? open(
          `without a bound: ${names(unbounded.map(({ name }) => name))}`,
          'remove `logging` from compose.override.yml, then `medianest up`',
        )
      : byHand('each container’s log is bounded by size, not by time: on a quiet stack lines may stay for months; say so in your notice');
  }),
  row('5(1)(e) backups', 'Backups are deleted after a set time', ['backups'], ({ backups: { sets, oldestDays, keep } }) =>
    sets === 0
      ? notApplicable('there are no backups')
      : byHand(`${sets} sets, the oldest ${oldestDays} days old; kept: ${keep}. Is that no longer than you need them?`),
  ),
];

const ACCOUNTABILITY: readonly Row[] = [
  row('5(2)', 'It can be shown who changed what', ['auditLog'], ({ auditLog: { entries, valid, problem } }) => {
    if (!valid)
      return open(
        `the audit log is not what was written: ${problem}`,
        '`medianest audit verify` lists every line that does not fit; find out who did that',
      );
    return entries === 0
      ? notApplicable('nothing was changed yet')
      : met(`the audit log has ${plural(entries, 'line')}, as they were written`);
  }),
];

const RIGHTS: readonly Row[] = [
  asked('17 application', 'A person’s data can be deleted', 'of the application: can it delete all that it has of one person?'),
  row('17 backups', 'Deleted data leaves the backups too', ['backups'], ({ backups: { sets, keep } }) =>
    sets === 0
      ? notApplicable('there are no backups')
      : byHand(
          `a set is never changed: deleted data stays until the last set with it is removed (kept: ${keep}); after a restore, delete it again`,
        ),
  ),
  asked(
    '20',
    'A person gets their data in a common format',
    'of the application; `medianest backup export` moves a whole installation, not one person',
  ),
];

const BY_DESIGN: readonly Row[] = [
  row(
    '25 reach',
    'The portal is open to those alone whom it is for',
    ['containers', 'signOn', 'firewall'],
    ({ containers, signOn, firewall }) => {
      const wide = containers.flatMap(({ ports }) => ports).filter(({ address }) => isEveryAddress(address));
      if (wide.length === 0) return met('no port is published on every address');
      if (signOn.length > 0) return met(`${names(signOn)} signs people in`);
      if (firewall.enabled && firewall.state === 'unknown')
        return cannotTell('only root may ask the kernel for its rules', '`sudo medianest audit report`');
      if (firewall.state === 'active' && firewall.drift.length === 0)
        return byHand('the firewall’s confirmed rules say who reaches it: `medianest firewall plan`');
      return open(
        `${names(wide.map(({ host }) => String(host)))} on every address, without a sign-on of the stack or rules of its firewall`,
        'set `edge.address` or `firewall.enabled: true`, then `sudo medianest firewall apply`; or let the application ask who people are',
      );
    },
  ),
  row('25 previews', 'Copies for tests hold no personal data', ['backups'], ({ backups: { sets } }) =>
    sets === 0
      ? notApplicable('there are no backups to make a preview of')
      : byHand('make previews with `restore --into NAME --sanitize` (docs/backups.md)'),
  ),
];

const RECORDS: readonly Row[] = [
  row('30', 'It is recorded who gets data', ['recipients'], ({ recipients }) =>
    byHand(
      recipients.length === 0
        ? 'the settings name no recipient outside this host; keep the record all the same'
        : `the settings name: ${recipients.map(({ what, where }) => `${what} (${where})`).join('; ')}. Are contracts (Art. 28) and transfers (Art. 44) in order?`,
    ),
  ),
];

const BREACHES: readonly Row[] = [
  row('33 alerts', 'A breach is noticed', ['monitoring'], ({ monitoring: { alertChannels, relayRuns } }) => {
    if (alertChannels.length === 0) return open('alerts go to no channel', 'set `alerts.channels` (docs/alerts.md)');
    return relayRuns
      ? met(`alerts go to ${names(alertChannels)}`)
      : open('the relay that tells them does not run', '`medianest why alert-relay`');
  }),
  row('33 traces', 'What happened can be found out afterwards', ['logs'], ({ logs: { store, days, problem } }) => {
    if (problem) return open(problem, '`medianest health` says more');
    return store === 'off'
      ? open('lines are gone with their container', 'set `logs.store` (docs/logs.md)')
      : met(`lines of all containers are kept for ${days} days, also of those that were replaced`);
  }),
  asked(
    '33 procedure',
    'It is decided who tells the authority within 72 hours',
    'write down who decides, who tells, and where the authority’s form is',
  ),
];

export const GDPR: readonly Row[] = [
  ...MINIMISATION,
  ...ACCOUNTABILITY,
  ...RIGHTS,
  ...BY_DESIGN,
  ...RECORDS,
  ...MEASURES,
  ...RESTORE,
  ...BREACHES,
];
