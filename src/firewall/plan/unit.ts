/** Where the rules are that systemd loads: nothing but root writes there, and it is there before other disks are. */
export const bootRules = (project: string): string => `/etc/medianest/firewall-${project}.nft`;

export const unitName = (project: string): string => `medianest-${project}-firewall.service`;

/**
 * Loads the confirmed rules before any network is up, as nftables.service does, and again with it: that one flushes all tables when it
 * is restarted. Stopping it opens nothing.
 * @param nft the absolute path of nft
 */
export const bootUnit = (project: string, nft: string): string =>
  [
    '[Unit]',
    `Description=MediaNest ${project}: rules of the firewall`,
    'Documentation=man:nft(8)',
    'DefaultDependencies=no',
    'Wants=network-pre.target',
    'After=local-fs.target nftables.service',
    'Before=network-pre.target docker.service shutdown.target',
    'Conflicts=shutdown.target',
    'PartOf=nftables.service',
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    `ExecStart=${nft} -f ${bootRules(project)}`,
    '',
    '[Install]',
    'WantedBy=sysinit.target',
    '',
  ].join('\n');
