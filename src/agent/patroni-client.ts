import { callMember, type Peer } from './member-client.ts';

const PORT = 8008;
const READ_MS = 3_000;
// Patroni answers a switchover once it has happened; it gives itself 15 s and more (api.py, poll_failover_result).
const CHANGE_MS = 60_000;

/** A member as its cluster sees it (`GET /cluster`). */
export interface ClusterMember {
  name: string;
  /** leader, sync_standby, replica, quorum_standby, standby_leader. */
  role: string;
  /** running, streaming, stopped, starting, in archive recovery, ... */
  state: string;
  timeline?: number;
  /** Bytes behind the leader; a text where it is unknown, nothing for the leader. */
  lag?: number | string;
  pending_restart?: boolean;
}

export interface ClusterView {
  members: ClusterMember[];
  /** Patroni itself takes no decision (`patronictl pause`). */
  pause?: boolean;
}

/** Patroni's REST API (Patroni manual, "Patroni REST API"). */
export function patroniClient(members: readonly Peer[], password: () => string) {
  const authorization = () => `Basic ${Buffer.from(`medianest:${password()}`).toString('base64')}`;
  const first = async <T>(read: (peer: Peer) => Promise<T>): Promise<T> => {
    const failures: string[] = [];
    for (const peer of members) {
      try {
        return await read(peer);
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new Error(`no member of the database answers: ${failures.join('; ')}`);
  };
  const read = async (peer: Peer, path: string) => {
    const { status, body } = await callMember(peer, PORT, { method: 'GET', path, timeout: READ_MS });
    if (status >= 500 && path === '/cluster') throw new Error(`${peer.service} answered ${status} to ${path}`);
    return JSON.parse(body) as unknown;
  };
  const post = async (peer: Peer, path: string, body: unknown) => {
    const answer = await callMember(peer, PORT, {
      method: 'POST',
      path,
      body,
      headers: { authorization: authorization() },
      timeout: CHANGE_MS,
    });
    if (answer.status >= 300) throw new Error(`${peer.service} refused: ${answer.body.trim() || answer.status}`);
  };

  return {
    cluster: () => first((peer) => read(peer, '/cluster') as Promise<ClusterView>),
    /** Whether its Patroni answers at all, whatever it says. */
    answers: (service: string): Promise<boolean> => {
      const peer = members.find((member) => member.service === service);
      return peer
        ? callMember(peer, PORT, { method: 'GET', path: '/liveness', timeout: READ_MS }).then(
            () => true,
            () => false,
          )
        : Promise.resolve(false);
    },
    switchover: (leader: string, candidate: string) => first((peer) => post(peer, '/switchover', { leader, candidate })),
    failover: (candidate: string) => first((peer) => post(peer, '/failover', { candidate })),
    restart: async (service: string) => {
      const peer = members.find((member) => member.service === service);
      if (peer) await post(peer, '/restart', { restart_pending: true });
    },
  };
}

export type PatroniClient = ReturnType<typeof patroniClient>;
