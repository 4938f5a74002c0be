import { type Command, type Context, done, type Options, type Project, type Result } from '../../capability/capability.ts';
import { endFrom } from '../../core/time.ts';
import type { VpnPeer } from '../../stack/overrides.ts';
import type { Known, Peers } from '../plan/peers.ts';

const ROLE = ['--role <role>', '`member` (the edge alone) or `admin` (also pages, the services of `mgmt` and vpn.alsoReach)'] as const;
const UNTIL = ['--until <date>', 'When it ends: 2027-01-31, or a moment with its zone'] as const;
const OUT = ['--out <file>', 'Where the configuration goes (default: NAME.conf, or of OpenVPN NAME.ovpn, in this folder)'] as const;
const PUBLIC_KEY = ['--public-key <key>', 'The device has made its own key, and this is the public one'] as const;
const QR = ['--qr', 'Show the QR code also where this is no terminal'] as const;

async function opened(context: Context): Promise<Project> {
  const { open } = await import('../../project/open.ts');
  const { requireVpn } = await import('../peers.ts');
  const project = await open(context);
  requireVpn(project);
  return project;
}

async function qrText(text: string, options: Options): Promise<string[]> {
  if (options.qr !== true && process.stdout.isTTY !== true) return [];
  const { qrLines } = await import('../qr.ts');
  return [qrLines(text)];
}

/** Changes one peer, and shows what its device needs. */
async function handedOut(
  context: Context,
  project: Project,
  name: string,
  options: Options,
  how: { command: string; done: string; removesAccess?: true; change(known: Known): (before: Peers) => Peers },
): Promise<Result> {
  const { handOut } = await import('../hand-out.ts');
  const { publicKeyOf } = await import('../plan/peers.ts');
  const given = await handOut(context, project, name, {
    command: how.command,
    publicKey: options.publicKey === undefined ? undefined : publicKeyOf(String(options.publicKey)),
    out: options.out === undefined ? undefined : String(options.out),
    change: how.change,
    removesAccess: how.removesAccess,
  });
  if ('planned' in given)
    return done(
      { result: 'planned', peer: { name }, file: given.planned },
      `would: vpn ${how.command} ${name}, and write ${given.planned}`,
    );
  const { peer, endpoint, file, text, complete } = given;
  const lines = [
    ...(complete && peer.engine !== 'openvpn' ? await qrText(text, options) : []),
    `${name} ${how.done}: ${peer.role}, ${peer.address}${peer.until ? `, until ${peer.until}` : ''}`,
    `Its configuration is in ${file}${complete ? '; its private key is kept nowhere else' : ''}.`,
    ...(peer.engine === 'openvpn' ? ['Import this file on the device: it is too large for a QR code.'] : []),
  ];
  return done({ result: 'changed', peer: { ...peer }, endpoint, file }, lines.join('\n'));
}

const add: Command = {
  name: 'vpn add',
  summary: 'Adds a peer: writes its configuration once, to a file, and shows that of WireGuard as a QR code for its app',
  example: 'medianest vpn add alice-phone --until 2027-01-31',
  args: '<name>',
  options: [ROLE, UNTIL, PUBLIC_KEY, OUT, QR],
  run: async (context, [given = ''], options) => {
    const { peerName, roleOf, withPeer } = await import('../plan/peers.ts');
    const name = peerName(given);
    const now = context.clock.now();
    const role = roleOf(options.role ?? 'member');
    const until = options.until === undefined ? {} : { until: endFrom('--until', String(options.until), now).toISOString() };
    const project = await opened(context);
    const { vpnSettingsOf } = await import('../peers.ts');
    const { network } = vpnSettingsOf(project);
    return handedOut(context, project, name, options, {
      command: 'add',
      done: 'was added',
      change: (known) => (before) => withPeer(before, name, { ...known, role, added: now.toISOString(), ...until }, network),
    });
  },
};

const list: Command = {
  name: 'vpn list',
  summary: 'The peers: role, address, last handshake, traffic, end',
  example: 'medianest vpn list',
  run: async (context) => {
    const project = await opened(context);
    const { readServer, serverPublicKey, viewedPeers } = await import('../peers.ts');
    const { engineText, peerRows } = await import('../plan/describe.ts');
    const { table } = await import('../../ui/table.ts');
    const engine = await context.engine();
    const server = await readServer(engine, await engine.observe(project.loaded.settings.project));
    const peers = await viewedPeers(project, server, context.clock.now());
    if (!server) context.report.warn('the tunnel does not answer: `medianest health` tells more');
    const head = ['PEER', 'ROLE', 'ADDRESS', 'STATE', 'LAST HANDSHAKE', 'RECEIVED / SENT', 'UNTIL'];
    const text = peers.length === 0 ? 'no peers: medianest vpn add NAME' : table([head, ...peerRows(peers)]);
    const key = await serverPublicKey(project);
    return done(
      { engine: server?.engine ?? null, publicKey: key ?? null, peers },
      server ? `${text}\n${engineText(server)}, ${server.engine === 'openvpn' ? 'CA' : 'public key'} ${key ?? 'unknown'}` : text,
    );
  },
};

const set: Command = {
  name: 'vpn set',
  summary: 'Changes what a peer may, or when it ends, at once; its configuration stays as it is',
  example: 'medianest vpn set alice-phone --role admin --until never',
  args: '<name>',
  options: [ROLE, ['--until <date>', `${UNTIL[1]}; or never`]],
  run: async (context, [name = ''], options) => {
    const { changedPeer, knownPeer, reducesAccess, roleOf } = await import('../plan/peers.ts');
    const { UserError } = await import('../../core/errors.ts');
    if (options.role === undefined && options.until === undefined)
      throw new UserError('USAGE', 'nothing was asked for', 'name --role, --until or both');
    const change: { role?: VpnPeer['role']; until?: string | undefined } = {
      ...(options.role !== undefined && { role: roleOf(options.role) }),
      ...(options.until !== undefined && {
        until: options.until === 'never' ? undefined : endFrom('--until', String(options.until), context.clock.now()).toISOString(),
      }),
    };
    const project = await opened(context);
    const { changePeers, readPeers } = await import('../peers.ts');
    const result = await changePeers(context, project, `vpn set ${name}`, {
      change: (before) => changedPeer(before, name, change as VpnPeer),
      ...(reducesAccess(knownPeer(readPeers(project), name), change) && { removesAccess: true as const }),
    });
    if (result === 'planned') return done({ result }, `would: vpn set ${name}`);
    // Another command may have removed it since.
    const { number: _, ...peer } = knownPeer(readPeers(project), name);
    return done({ result, peer: { name, ...peer } }, `${name}: ${peer.role}${peer.until ? `, until ${peer.until}` : ', without an end'}`);
  },
};

const remove: Command = {
  name: 'vpn remove',
  summary: 'Removes a peer: a connected one is cut off at once',
  example: 'medianest vpn remove alice-phone',
  args: '<name>',
  run: async (context, [name = '']) => {
    const { knownPeer, withoutPeer } = await import('../plan/peers.ts');
    const project = await opened(context);
    const { changePeers, readPeers } = await import('../peers.ts');
    knownPeer(readPeers(project), name);
    const result = await changePeers(context, project, `vpn remove ${name}`, {
      change: (before) => withoutPeer(before, name),
      removesAccess: true,
    });
    return done(
      { result, peer: { name } },
      result === 'planned' ? `would: vpn remove ${name}` : `${name} was removed, and is let in no more`,
    );
  },
};

const rotate: Command = {
  name: 'vpn rotate',
  summary: 'New keys for a peer, which needs its new configuration; without a name for this host: all peers need its new public key',
  example: 'medianest vpn rotate alice-phone',
  args: '[name]',
  options: [PUBLIC_KEY, OUT, QR],
  run: async (context, [name], options) => {
    if (name === undefined) return rotateServer(context);
    const { changedPeer, knownPeer } = await import('../plan/peers.ts');
    const project = await opened(context);
    const { readPeers } = await import('../peers.ts');
    knownPeer(readPeers(project), name);
    return handedOut(context, project, name, options, {
      command: 'rotate',
      done: 'has new keys, and its old ones are good no more',
      removesAccess: true,
      change: (known) => (before) => changedPeer(before, name, known),
    });
  },
};

async function rotateServer(context: Context): Promise<Result> {
  const project = await opened(context);
  const { changePeers, knownServerKey, readPeers, serverPublicKey, vpnSettingsOf } = await import('../peers.ts');
  const { UserError } = await import('../../core/errors.ts');
  const { SERVER_KEY } = await import('../../services/vpn/secrets.ts');
  const openvpn = vpnSettingsOf(project).engine === 'openvpn';
  const names = Object.keys(readPeers(project));
  const until = openvpn ? 'until each has another configuration' : 'until each has the new public key of this host';
  const question = `This cuts off all peers (${names.join(', ') || 'there are none'}) ${until}. Go on? [y/N] `;
  const answer = context.flags.yes || context.flags.dryRun ? 'y' : await context.ask(question);
  if (!/^y(es)?$/i.test(answer?.trim() ?? '')) throw new UserError('CONFIRMATION_NEEDED', 'nothing was changed', 'answer y, or pass --yes');
  const { withKnownCa } = await import('../plan/peers.ts');
  // Read before it is replaced; a damaged one is what this command mends.
  const ca = openvpn ? ((await knownServerKey(project)) ?? 'unknown') : undefined;
  if (openvpn && !context.flags.dryRun) {
    const { readyAuthority } = await import('../openvpn/authority.ts');
    await readyAuthority(context, project, 'vpn rotate', { renew: true, removesAccess: true });
  }
  const renew = openvpn ? [] : [SERVER_KEY.name];
  const change = (before: Peers) => (ca === undefined ? before : withKnownCa(before, ca));
  const result = await changePeers(context, project, 'vpn rotate', { change, renew, removesAccess: true });
  if (result === 'planned') return done({ result, peers: names }, 'would: vpn rotate');
  const publicKey = (await serverPublicKey(project)) ?? '';
  const next = openvpn
    ? `\nGive each peer another configuration: ${names.map((name) => `medianest vpn rotate ${name}`).join('; ')}`
    : `\nIn the configuration of ${names.join(', ')}, below [Peer]: PublicKey = ${publicKey}`;
  return done({ result, publicKey, peers: names }, `This host has a new key.${names.length > 0 ? next : ''}`);
}

export const commands: readonly Command[] = [list, add, set, remove, rotate];
