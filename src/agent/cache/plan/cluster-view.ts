import type { KnownNode, NodeView, Observed, ObservedNode, Range } from './types.ts';

/** A node that answers. */
export interface Speaker extends ObservedNode {
  view: NodeView;
  self: KnownNode;
}

/** What all that was said amounts to. */
export interface ClusterView {
  observed: Observed;
  speakers: Speaker[];
  /** Every wanted node answers: an id that none of them has is unused. */
  complete: boolean;
  /** More than half of the wanted nodes answer. */
  majority: boolean;
  /** Those that lead: masters with slots, by their own word. */
  leaders: Speaker[];
  /** Ids that some node believes to be members, and that no node that answers has; what is said of each. */
  absent: Map<string, KnownNode[]>;
  byId: Map<string, Speaker>;
}

const isSpeaker = (node: Speaker | ObservedNode): node is Speaker => 'self' in node;

export function view(observed: Observed): ClusterView {
  const speakers = observed.nodes
    .map((node) => {
      const self = node.view?.known.find(({ flags }) => flags.includes('myself'));
      return node.view && self ? { ...node, view: node.view, self } : node;
    })
    .filter(isSpeaker);
  const byId = new Map(speakers.map((speaker) => [speaker.view.id, speaker]));
  const absent = new Map<string, KnownNode[]>();
  for (const { view } of speakers) {
    // A node in handshake has an id that lasts as long as the handshake.
    for (const node of view.known) {
      if (!byId.has(node.id) && !node.flags.includes('handshake')) absent.set(node.id, [...(absent.get(node.id) ?? []), node]);
    }
  }
  return {
    observed,
    speakers,
    complete: speakers.length === observed.nodes.length,
    majority: speakers.length > observed.nodes.length / 2,
    leaders: speakers.filter(({ self }) => isMaster(self) && self.slots.length > 0),
    absent,
    byId,
  };
}

export const isMaster = (node: KnownNode): boolean => node.flags.includes('master');

/** Whether it knows another node under the address that this has now. */
export function knows(speaker: Speaker, other: Speaker): boolean {
  const entry = speaker.view.known.find(({ id }) => id === other.view.id);
  return entry !== undefined && entry.address === other.address && !entry.flags.some((flag) => flag === 'handshake' || flag === 'noaddr');
}

/** All slots that anybody says an absent id has. */
export const slotsOf = (said: readonly KnownNode[]): Range[] => said.flatMap(({ slots }) => slots);

/** Who follows this id, by their own word. */
export const followers = ({ speakers }: ClusterView, id: string): Speaker[] =>
  speakers.filter(({ self }) => !isMaster(self) && self.master === id);

/** For a person: the service, or how it was called where it was. */
export function nameOf({ byId, observed }: ClusterView, id: string, said: readonly KnownNode[] = []): string {
  const address = said.find((node) => node.address !== '')?.address;
  return byId.get(id)?.service ?? observed.nodes.find((node) => node.address === address)?.service ?? `node ${id.slice(0, 8)}`;
}
