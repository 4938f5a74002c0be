/** Where the rules are that systemd loads: nothing but root writes there, and it is there before other disks are. */
export const bootRules = (project: string): string => `/etc/medianest/firewall-${project}.nft`;

export const unitName = (project: string): string => `medianest-${project}-firewall.service`;

/**
 * Loads the confirmed rules before any network is up, as nftables.service does, and again whenever another program has removed them: a
 * configuration of nft begins with `flush ruleset`, also that of nftables.service when it is restarted, reloaded or stopped. Stopping it
 * opens nothing.
 * `nft monitor destroy tables` would tell less, and nft 1.1 refuses it: `destroy` is another word there.
 * @param nft the absolute path of nft
 * @param table whose removal is noticed; the kernel tells it (netlink, NFNLGRP_NFTABLES), so nothing polls
 */
export const bootUnit = (project: string, nft: string, table: string): string =>
  [
    '[Unit]',
    `Description=MediaNest ${project}: rules of the firewall`,
    'Documentation=man:nft(8)',
    'DefaultDependencies=no',
    'Wants=network-pre.target',
    'After=local-fs.target nftables.service',
    'Before=network-pre.target docker.service shutdown.target',
    'Conflicts=shutdown.target',
    '',
    '[Service]',
    `ExecStartPre=${nft} -f ${bootRules(project)}`,
    `ExecStart=/bin/sh -c '${nft} monitor tables | while read -r event; do ${nft} -t list table inet ${table} >/dev/null 2>&1 || ${nft} -f ${bootRules(project)}; done'`,
    'Restart=always',
    'RestartSec=5',
    '',
    '[Install]',
    'WantedBy=sysinit.target',
    '',
  ].join('\n');

/** What systemd does for the rules: it loads and watches them; not at the next start; or at the next start alone. */
export type Boot = 'installed' | 'missing' | 'stopped';

/** @param shown what `systemctl show --property=ActiveState,SubState,UnitFileState` prints; undefined where it did not answer */
export function bootOf(files: 'same' | 'other', shown: string | undefined): Boot {
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(shown ?? '')?.[1];
  const [unitFile, active] = [value('UnitFileState'), value('ActiveState')];
  if (files === 'other' || (unitFile !== undefined && unitFile !== 'enabled')) return 'missing';
  if (active === undefined) return 'installed';
  // It has ended, and is started again after a pause: one that fails each time never gets further.
  return ['active', 'activating', 'reloading'].includes(active) && value('SubState') !== 'auto-restart' ? 'installed' : 'stopped';
}
