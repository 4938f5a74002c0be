/**
 * For a person who came over SSH: how the address is opened on their own computer.
 * @param connection SSH_CONNECTION: client, its port, server, its port
 */
export function remoteHint(connection: string | undefined, port: number): string | undefined {
  const [, , server, sshPort] = connection?.split(' ') ?? [];
  if (!server) return undefined;
  const other = sshPort && sshPort !== '22' ? `-p ${sshPort} ` : '';
  return `On your own computer, run \`ssh ${other}-N -L ${port}:127.0.0.1:${port} ${server}\` and open the same address there.`;
}
