import { plural } from '../../core/plural.ts';
import { durationText } from '../../core/time.ts';
import type { Encryption, StorageFacts } from '../../host/plan/facts.ts';
import { judgePlain, judgeVersions } from './asvs-edge.ts';
import type { DataEvidence } from './evidence.ts';
import { octal } from './octal.ts';
import { byHand, cannotTell, type Judgement, met, names, notApplicable, open, type Row, row } from './point.ts';

/** A drill or verification that is older says little about today's backups. */
const PROVEN_DAYS = 92;

const encrypted = (what: string, { path, encryption }: StorageFacts): Judgement => {
  if (encryption.state === 'encrypted') return met(`${what} (${path}): ${encryption.by}`);
  if (encryption.state === 'unknown') return cannotTell(`${what} (${path}): ${encryption.why}`);
  return open(`${what} (${path}) is in clear text on the disk`, 'put it on LUKS, fscrypt or an encrypted ZFS (docs/security.md, The disk)');
};

const stateOf = ({ storage: { encryption } }: DataEvidence['volumes'][number]) => encryption.state;

/** @param logs of what containers print, which has addresses of visitors and is in no volume */
function judgeData({ volumes, keyBeside }: DataEvidence, logs: Judgement): Judgement {
  const of = (state: Encryption['state']) => volumes.filter((volume) => stateOf(volume) === state);
  const plain = of('plain');
  const [unknown] = of('unknown');
  if (plain.length > 0)
    return open(
      `in clear text on the disk: ${names(plain.map(({ name }) => name))}`,
      'set `storage.encrypt: true` (docs/encryption.md), or put the engine’s data on LUKS or an encrypted ZFS (docs/security.md, The disk)',
    );
  if (unknown) return encrypted(unknown.name, unknown.storage);
  if (keyBeside)
    return open(
      `the key of the data is beside it, in clear text: ${keyBeside}`,
      'put `storage.keyFile` on another disk, or set `storage.unlock` to `tpm` or `passphrase`, then `sudo medianest storage keys rotate`',
    );
  if (volumes.length === 0) return logs;
  const by = new Set(volumes.map(({ storage: { encryption } }) => (encryption.state === 'encrypted' ? encryption.by : '')));
  const data = `${plural(volumes.length, 'volume')}: ${names([...by])}`;
  return logs.verdict === 'met' ? met(data) : byHand(`${data}; ${logs.evidence}: they hold addresses of visitors, and end by size`);
}

/** Article 32(1)(a) and (b): encryption and confidentiality. */
export const MEASURES: readonly Row[] = [
  row('32(1)(a) transit', 'Traffic of visitors is encrypted', ['edge'], ({ edge }) => {
    const versions = judgeVersions(edge);
    return versions.verdict === 'met' ? judgePlain(edge) : versions;
  }),
  row('32(1)(a) inside', 'Traffic between containers is encrypted', ['inside'], ({ inside: { certificates, plain } }) => {
    const bad = certificates.filter(({ status }) => !['ok', 'expiring', 'stands-in'].includes(status));
    if (bad.length > 0)
      return open(
        bad.map(({ name, status, cause }) => `${name}: ${cause ?? status}`).join('; '),
        '`medianest certs status`, then `medianest certs renew`',
      );
    if (plain.length > 0)
      return open(
        `in clear text, on networks of this host: ${names(plain)}`,
        'a profile with TLS inside (staging, prod), where only sign-on and bans are asked in clear text; on one host it leaves the host nowhere (`medianest topology` marks it)',
      );
    return met(`the listeners of ${names(certificates.map(({ name }) => name)) || 'no service'} serve what was issued`);
  }),
  row('32(1)(a) data', 'Data is encrypted on the disk', ['dataStorage', 'engineStorage'], ({ dataStorage, engineStorage }) =>
    judgeData(dataStorage, encrypted('the engine’s own logs', engineStorage)),
  ),
  row('32(1)(a) secrets', 'Secrets are encrypted on the disk', ['stateStorage'], ({ stateStorage }) =>
    encrypted('the state folder', stateStorage),
  ),
  row('32(1)(a) backups', 'Backups are encrypted', ['backups'], ({ backups: { sets, cipher } }) => {
    if (sets === 0) return notApplicable('there are no backups');
    if (cipher === undefined)
      return cannotTell('the container of the repository does not run, or its configuration cannot be read', '`medianest up`');
    return cipher === 'none'
      ? open('the repository is in clear text', '`medianest up` renders its configuration again')
      : met(`${cipher}, by the configuration in the container`);
  }),
  row('32(1)(b) secrets', 'Secrets are readable by their owner alone', ['stateFiles'], ({ stateFiles }) => {
    const wide = stateFiles.filter(({ mode, most }) => (mode & ~most & 0o777) !== 0);
    if (wide.length > 0)
      return open(
        wide.map(({ path, mode }) => `${path} has mode ${octal(mode)}`).join('; '),
        wide.map(({ path, mode, most }) => `chmod ${octal(mode & most)} ${path}`).join('; '),
      );
    return met(`modes of ${stateFiles.length} places in the state folder`);
  }),
  row('32(1)(b) networks', 'Data is in networks that lead nowhere', ['networks', 'guests'], ({ networks, guests }) => {
    if (guests.length > 0)
      return open(`containers of others are in our networks: ${names(guests)}`, '`docker network disconnect NETWORK CONTAINER`');
    const wide = networks.filter(({ name, internal }) => !internal && /_(db|control|monitoring)$/.test(name)).map(({ name }) => name);
    return wide.length > 0
      ? open(`not internal: ${names(wide)}`, 'remove them from compose.override.yml, then `medianest up`')
      : met(`internal: ${names(networks.filter(({ internal }) => internal).map(({ name }) => name)) || 'none is needed'}`);
  }),
  row('32(1)(b) attacks', 'Known attacks are stopped', ['waf'], ({ waf: { mode, text } }) =>
    mode === 'block'
      ? met(`the WAF blocks: ${text}`)
      : open(
          mode === 'off' ? 'the WAF is off' : `the WAF only notes: ${text}`,
          'set `edge.waf.mode: block`, after `medianest waf log` is quiet',
        ),
  ),
  row(
    '32(1)(b) firewall',
    'Rules of the host say who reaches the ports',
    ['firewall', 'containers'],
    ({ firewall: { state, drift, enabled }, containers }) => {
      const outside = containers.flatMap(({ ports }) => ports).filter(({ address }) => !/^(127\.|::1$)/.test(address));
      if (!enabled && outside.length === 0) return notApplicable('nothing is published beyond the loopback');
      if (state === 'unknown') return cannotTell('only root may ask the kernel for its rules', '`sudo medianest audit report`');
      if (state === 'active' && drift.length === 0) return met('the confirmed rules are loaded');
      return open(
        drift.join('; ') || 'no confirmed rules are loaded',
        'set `firewall.enabled: true`, then `sudo medianest firewall apply` (docs/firewall.md)',
      );
    },
  ),
  row('32(1)(b) clock', 'Clocks are right, so that records agree', ['clock'], ({ clock }) =>
    clock.synchronized
      ? met('the host’s clock is synchronized')
      : open('the host’s clock is not synchronized', '`timedatectl set-ntp true`'),
  ),
];

/** Article 32(1)(c) and (d): restoring, and whether it is tried. */
export const RESTORE: readonly Row[] = [
  row('32(1)(c) backups', 'Data can be restored', ['backups'], ({ backups: { newestHours, maxAgeHours, damaged } }) => {
    if (newestHours === null) return open('there is no good backup', '`medianest backup`, then `sudo medianest jobs install`');
    if (damaged.length > 0) return open(`damaged: ${names(damaged)}`, '`medianest backup --type full`, then `medianest backup verify`');
    const age = durationText(newestHours * 3600);
    return newestHours > maxAgeHours
      ? open(`the newest good set is ${age} old`, '`medianest backup`; `medianest jobs list` tells when it runs by itself')
      : met(`the newest good set is ${age} old`);
  }),
  row('32(1)(c) copies', 'A copy of the backups is elsewhere', ['backups'], ({ backups: { copies } }) =>
    copies.length > 0 ? met(names(copies)) : open('all backups are on this host', 'set `backup.copies` (docs/backups.md)'),
  ),
  row('32(1)(c) kit', 'Backups can be read without this host', ['backups'], ({ backups: { sets, kitProblem } }) => {
    if (sets === 0) return notApplicable('there are no backups');
    return kitProblem
      ? open(kitProblem, '`medianest backup kit FILE`, and keep it elsewhere')
      : met('the recovery kit was exported, and is current');
  }),
  row('32(1)(d) drills', 'Restoring is tried regularly', ['backups'], ({ backups: { sets, drillDays } }) => {
    if (sets === 0) return open('there are no backups to try', '`medianest backup`, then `medianest drill`');
    if (drillDays === null)
      return open('no kept set was ever restored in a drill', '`medianest drill`; `sudo medianest jobs install` has it run by itself');
    return drillDays > PROVEN_DAYS
      ? open(`the last drill was ${drillDays} days ago`, '`medianest drill`')
      : met(`the last drill was ${plural(drillDays, 'day')} ago`);
  }),
  row('32(1)(d) verified', 'Backups are verified regularly', ['backups'], ({ backups: { sets, verifiedDays } }) => {
    if (sets === 0) return notApplicable('there are no backups');
    return verifiedDays === null || verifiedDays > PROVEN_DAYS
      ? open(
          verifiedDays === null ? 'no set was verified' : `the last verification was ${verifiedDays} days ago`,
          '`medianest backup verify`',
        )
      : met(`the last verification was ${plural(verifiedDays, 'day')} ago`);
  }),
];
