import { callMember, type Peer } from './member-client.ts';

const PORT = 2379;
const TIMEOUT_MS = 3_000;

const encode = (text: string): string => Buffer.from(text).toString('base64');
const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');

/** A key as it was read: its value, and the revision of the store at which it was last written. */
export interface Entry {
  value: string;
  revision: string;
}

/** etcd's JSON gateway (etcd manual, "gRPC gateway"). Members are tried in turn, the one that answered last first. */
export function etcdClient(members: readonly Peer[], user: string, password: () => string) {
  const tokens = new Map<string, string>();
  let preferred = 0;

  const post = async (peer: Peer, path: string, body: unknown, token?: string) => {
    const headers = token === undefined ? {} : { authorization: token };
    const answer = await callMember(peer, PORT, { method: 'POST', path, body, headers, timeout: TIMEOUT_MS });
    if (answer.status === 200) return JSON.parse(answer.body) as Record<string, unknown>;
    throw new EtcdError(`${peer.service} answered ${answer.status} to ${path}: ${answer.body.slice(0, 300).trim()}`, answer.status);
  };
  const authenticated = async (peer: Peer, path: string, body: unknown) => {
    const known = tokens.get(peer.service);
    if (known !== undefined) {
      try {
        return await post(peer, path, body, known);
      } catch (error) {
        // Tokens end after some minutes, and with the member that gave them.
        if (!(error instanceof EtcdError) || error.status === 503) throw error;
      }
    }
    const { token } = await post(peer, '/v3/auth/authenticate', { name: user, password: password() });
    tokens.set(peer.service, String(token));
    return post(peer, path, body, String(token));
  };
  const call = async (path: string, body: unknown) => {
    const failures: string[] = [];
    for (let turn = 0; turn < members.length; turn++) {
      const index = (preferred + turn) % members.length;
      try {
        const answer = await authenticated(members[index] as Peer, path, body);
        preferred = index;
        return answer;
      } catch (error) {
        failures.push((error as Error).message);
      }
    }
    throw new Error(failures.join('; ') || 'there is no etcd');
  };

  return {
    /** Linearizable: the current state of a majority, never an older state of one member. */
    read: async (key: string): Promise<Entry | undefined> => {
      const { kvs } = (await call('/v3/kv/range', { key: encode(key) })) as { kvs?: { value?: string; mod_revision: string }[] };
      const found = kvs?.[0];
      return found && { value: decode(found.value ?? ''), revision: found.mod_revision };
    },
    /** Deletes a key if it still is as it was read; false where it is not. */
    deleteUnchanged: async (key: string, { value, revision }: Entry): Promise<boolean> => {
      const { succeeded } = await call('/v3/kv/txn', {
        compare: [
          { key: encode(key), target: 'MOD', result: 'EQUAL', mod_revision: revision },
          { key: encode(key), target: 'VALUE', result: 'EQUAL', value: encode(value) },
        ],
        success: [{ request_delete_range: { key: encode(key) } }],
      });
      return succeeded === true;
    },
  };
}

export type EtcdClient = ReturnType<typeof etcdClient>;

class EtcdError extends Error {
  readonly status: number;
  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}
