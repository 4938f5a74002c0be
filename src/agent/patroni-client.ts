import { Refused } from './group.ts';
import { type Answer, callMember, type Peer } from './member-client.ts';
import { toldBy } from './plan/silence.ts';

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
  /** Parameter -> what it is, and what it will be after a restart. */
  pending_restart_reason?: Record<string, { old_value: string; new_value: string }>;
}

export interface ClusterView {
  members: ClusterMember[];
  /** Patroni itself takes no decision (`patronictl pause`). */
  pause?: boolean;
}

/** Patroni's REST API (Patroni manual, "Patroni REST API"). */
export function patroniClient(members: readonly Peer[], password: () => string) {
  /** Asks one after the other until one answers, the preferred one first. */
  const first = async <T>(preferred: string | undefined, ask: (peer: Peer) => Promise<T>): Promise<T> => {
    const failures: string[] = [];
    for (const peer of [...members].sort((a, b) => Number(b.service === preferred) - Number(a.service === preferred))) {
      try {
        return await ask(peer);
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new Error(`no member of the database answers: ${failures.join('; ')}`);
  };
  const read = <T>(path: string): Promise<T> =>
    first(undefined, async (peer) => {
      const { status, body } = await callMember(peer, PORT, { method: 'GET', path, timeout: READ_MS });
      if (status >= 300) throw new Error(`${peer.service} answered ${status} to ${path}`);
      return JSON.parse(body) as T;
    });
  const send = (peer: Peer, path: string, body: unknown): Promise<Answer> => {
    const authorization = `Basic ${Buffer.from(`medianest:${password().trimEnd()}`).toString('base64')}`;
    return callMember(peer, PORT, { method: 'POST', path, body, headers: { authorization }, timeout: CHANGE_MS });
  };
  // A refusal is an answer: only where one is not reached, the next is asked.
  const order = async (path: string, preferred: string, body: unknown): Promise<void> => {
    const { status, body: text } = await first(preferred, (peer) => send(peer, path, body));
    const why = text.trim() || String(status);
    if (status >= 400 && status < 500) throw new Refused(`Patroni refused: ${why}`);
    if (status >= 300) throw new Error(`Patroni failed: ${why}`);
  };

  return {
    cluster: () => read<ClusterView>('/cluster'),
    /** Whether a commit waits for a standby, and only such a standby can take over. */
    synchronous: async () => Boolean((await read<{ synchronous_mode?: boolean | string }>('/config')).synchronous_mode),
    /** Whether its Patroni answers at all, whatever it says. @throws the error of a fault on this side */
    answers: async (service: string): Promise<boolean> => {
      const peer = members.find((member) => member.service === service);
      if (!peer) return false;
      try {
        await callMember(peer, PORT, { method: 'GET', path: '/liveness', timeout: READ_MS });
        return true;
      } catch (error) {
        const told = toldBy(error);
        if (told === undefined) throw error;
        return told === 'speaks';
      }
    },
    /**
     * Whether this member itself says that it leads, with a server that answers; what the others say of it may be old.
     * @throws Error if it speaks, and what it says cannot be read, or the fault is on this side
     */
    leads: async (service: string): Promise<boolean> => {
      const peer = members.find((member) => member.service === service);
      if (!peer) return false;
      try {
        return (await callMember(peer, PORT, { method: 'GET', path: '/primary', timeout: READ_MS })).status === 200;
      } catch (error) {
        if (toldBy(error) === 'silent') return false;
        throw error;
      }
    },
    switchover: (leader: string, candidate: string) => order('/switchover', leader, { leader, candidate }),
    failover: (candidate: string) => order('/failover', candidate, { candidate }),
    /** Restarts PostgreSQL of one member, if its changed settings wait for that. */
    restartPending: (service: string) => order('/restart', service, { restart_pending: true }),
  };
}

export type PatroniClient = ReturnType<typeof patroniClient>;
