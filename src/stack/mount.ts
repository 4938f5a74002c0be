/** The parts of a backup that are read from volumes; `dump`: a database that is dumped by its own server. A cluster has another way. */
export type FilePart = 'files' | 'redis' | 'dump';

export interface Mount {
  /** A named volume, or a folder of the host. */
  source: string;
  target: string;
  kind: 'volume' | 'bind';
  readOnly: boolean;
  /** A volume that is mounted from an NFS server. */
  nfs?: NfsExport;
  /** A volume that `down --volumes` leaves: it is no part of the Compose project. */
  outlives?: boolean;
  /** The part of a backup that what is in it belongs to. */
  backedUp?: FilePart;
  /** A volume whose contents belong to the user that the container runs as, which the operator chooses: `up` gives it to that user. */
  ofUser?: boolean;
  /** A socket, or a folder of sockets: no folder of files. */
  socket?: boolean;
}

export interface NfsExport {
  server: string;
  port: number;
  export: string;
  /** Mount options, as in /etc/fstab. */
  options: string;
}
