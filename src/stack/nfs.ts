import type { NfsExport } from './types.ts';

/** How Docker's own volume driver is told to mount an NFS export. */
export const nfsDriverOptions = ({ server, export: exported, options }: NfsExport) => ({
  type: 'nfs',
  o: `addr=${server},${options}`,
  device: `:${exported}`,
});
