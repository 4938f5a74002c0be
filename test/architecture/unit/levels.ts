/**
 * The modules of src, from the ground up: what stands in one imports only from lower ones, and from itself. A longer path wins:
 * `images/store` is a module of its own, below `images`. Modules of one level do not know each other.
 */
export const LEVELS: readonly (readonly string[])[] = [
  ['core'],
  ['settings', 'ui'],
  ['stack'],
  ['secrets/plan', 'services/backup/settings', 'services/shared'],
  ['services/crowdsec/settings', 'services/sign-on/settings'],
  ['services/edge/settings'],
  ['services/cache', 'services/database'],
  ['services/app'],
  ['services/backup', 'services/edge'],
  ['services/crowdsec', 'services/monitoring', 'services/sign-on', 'services/suricata', 'services/vpn'],
  ['services/agent', 'services/bastion'],
  ['services/index.ts'],
  ['docker'],
  ['state'],
  ['capability'],
  ['project'],
  ['host'],
  // What `up` brings into place for any service.
  ['certificates/ca', 'certificates/plan', 'images/store', 'members/agent-cli.ts', 'secrets/store'],
  ['certificates/store'],
  ['certificates/acme'],
  ['reconcile'],
  ['bastion', 'certificates', 'deploy', 'edge', 'firewall', 'front', 'images', 'members', 'schedule', 'secrets', 'users', 'vpn', 'waf'],
  ['autoscale', 'backup', 'bans', 'storage'],
  ['doctor', 'healing', 'health', 'import', 'intrusion', 'logs', 'metrics', 'topology'],
  ['alerts', 'traces'],
  ['init', 'report'],
  ['adopt', 'compliance'],
  ['capabilities.ts'],
  ['agent', 'cli'],
  ['main.ts'],
  ['launch.ts'],
];
