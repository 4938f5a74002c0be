export const NETWORKS = ['dmz', 'app', 'db', 'mgmt', 'out', 'monitoring'] as const;
export type NetworkName = (typeof NETWORKS)[number];
