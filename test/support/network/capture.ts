import { docker, run } from '../cli.ts';
import type { Workspace } from '../workspace.ts';
import { composeOf } from './segments-stack.ts';

/**
 * Reads all that passes over the bridges for a while (packet(7)): promiscuous, because a bridge shows its host nothing of
 * what two containers tell each other otherwise. Prints for each text in how many frames it was found.
 */
const CAPTURE = `
import json, select, socket, struct, sys, time
seconds, devices, words = float(sys.argv[1]), sys.argv[2].split(','), [word.encode() for word in sys.argv[3:]]
sockets = []
for device in devices:
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
    one.bind((device, 3))
    # PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC
    one.setsockopt(263, 1, struct.pack('IHH8s', socket.if_nametoindex(device), 1, 0, b''))
    sockets.append(one)
print('listening', flush=True)
end, seen = time.monotonic() + seconds, {}
frames = {device: 0 for device in devices}
while time.monotonic() < end:
    for one in select.select(sockets, [], [], 0.2)[0]:
        frame, origin = one.recvfrom(1 << 17)
        frames[origin[0]] += 1
        for word in words:
            if word in frame: seen[word.decode()] = seen.get(word.decode(), 0) + 1
print(json.dumps({'frames': frames, 'seen': seen}))
`;

export interface Captured {
  /** How many frames passed over each network. */
  frames: Record<string, number>;
  /** Text -> in how many frames it stood in clear. */
  seen: Record<string, number>;
}

/** Captures on the stack’s networks while something happens. @param during told once it listens */
export async function capture(
  space: Workspace,
  networks: readonly string[],
  words: readonly string[],
  during: () => Promise<unknown>,
  seconds = 5,
): Promise<Captured> {
  const image = composeOf(space).services['postgres-1']?.image as string;
  const ids = await Promise.all(
    networks.map(async (name) => (await docker(['network', 'inspect', '--format', '{{.Id}}', `${space.project}_${name}`])).stdout.trim()),
  );
  const devices = ids.map((id) => `br-${id.slice(0, 12)}`);
  let begun: Promise<unknown> | undefined;
  const { status, stdout, stderr } = await run(
    'docker',
    [
      ...['run', '--rm', '--init', '--network', 'host', '--user', '0:0', '--cap-add', 'NET_RAW', '--cap-add', 'NET_ADMIN'],
      ...['--entrypoint', 'python3', image, '-c', CAPTURE, String(seconds), devices.join(','), ...words],
    ],
    {
      onSpawn: (child) =>
        child.stdout?.on('data', (chunk: Buffer) => {
          if (!String(chunk).includes('listening') || begun) return;
          begun = during();
          // It is awaited below, and may fail before.
          begun.catch(() => {});
        }),
    },
  );
  await begun;
  if (status !== 0) throw new Error(stderr);
  const told = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Captured;
  return { seen: told.seen, frames: Object.fromEntries(networks.map((name, index) => [name, told.frames[devices[index] as string] ?? 0])) };
}
