import type { Group } from './group.ts';
import { callMember, type Peer } from './member-client.ts';
import { coordinationStates, type EtcdStatus, type EtcdView, etcdHandoverProblem, etcdProblem } from './plan/coordination.ts';
import { until } from './wait.ts';

const PORT = 2379;
const TIMEOUT_MS = 3_000;
const HANDOVER_SECONDS = 60;

/** The members of etcd. A leader hands over by itself when it is stopped (etcd's server, `Stop`), so this only checks that the others can continue. */
export function coordinationGroup(peers: readonly Peer[]): Group {
  const view = async (): Promise<EtcdView> =>
    Object.fromEntries(await Promise.all(peers.map(async (peer) => [peer.service, await status(peer).catch(() => undefined)] as const)));
  return {
    name: 'coordination',
    members: peers.map(({ service }) => service),
    status: async () => coordinationStates(await view()),
    handover: (service, say) => until(HANDOVER_SECONDS, async () => etcdHandoverProblem(service, await view()), say),
    settled: (service, seconds, say) => until(seconds, async () => etcdProblem(service, await view()), say),
  };
}

async function status(peer: Peer): Promise<EtcdStatus> {
  const { status: code, body } = await callMember(peer, PORT, {
    method: 'POST',
    path: '/v3/maintenance/status',
    body: {},
    timeout: TIMEOUT_MS,
  });
  if (code !== 200) throw new Error(`${peer.service} answered ${code}`);
  const told = JSON.parse(body) as {
    header: { member_id: string };
    leader?: string;
    raftTerm?: string;
    raftAppliedIndex?: string;
    dbSize?: string;
    errors?: string[];
  };
  return {
    id: told.header.member_id,
    leader: told.leader ?? '0',
    term: told.raftTerm ?? '0',
    applied: Number(told.raftAppliedIndex ?? 0),
    bytes: Number(told.dbSize ?? 0),
    errors: told.errors ?? [],
  };
}
