import { X509Certificate } from 'node:crypto';
import net from 'node:net';
import type { Engine, ObservedContainer } from '../../docker/types.ts';
import type { Listener, Service, Stack } from '../../stack/types.ts';
import type { Served } from './handshake.ts';

/** A handshake to make at an address that this host has no way to. */
export interface Question extends Listener {
  address: string;
  /** The name that a client would ask for. */
  servername: string;
}

/**
 * One handshake after the other, in a container that may have little memory. The first argument is the folder of the certificate that
 * the client shows, or empty. Each answer is a line: whether an answer of the
 * issuer came with it, and the certificate in base64; a minus where nothing speaks TLS.
 */
const SCRIPT = `own=''
# -cert sends only the first certificate of its file.
[ -r "$1/privkey.pem" ] && own="-cert $1/fullchain.pem -cert_chain $1/fullchain.pem -key $1/privkey.pem"
shift
while [ $# -gt 0 ]; do
  said=$(timeout 4 openssl s_client -connect "$1" $2 $3 $own -status </dev/null 2>&1)
  shift 3
  pem=$(printf '%s\\n' "$said" | openssl x509 -outform der 2>/dev/null | openssl base64 -A)
  case $said in *'OCSP Response Status: successful'*) stapled=1 ;; *) stapled=0 ;; esac
  if [ "$pem" ]; then echo "$stapled $pem"; else echo -; fi
done`;

/** An address is no server name (RFC 6066). */
const nameOption = ({ servername }: Question): string => (net.isIP(servername) === 0 ? `-servername ${servername}` : '-noservername');

const argumentsOf = (question: Question): string[] => [
  `${question.address}:${question.port}`,
  question.protocol === 'postgres' ? '-starttls postgres' : '',
  nameOption(question),
];

/** The container that asks. */
interface Asker {
  id: string;
  /**
   * The folder of its certificate, if that proves who calls. Listeners log each failed handshake: Patroni if a client shows no
   * certificate, all of them if a client shows one that is for servers alone.
   */
  certificate: string;
}

/** The container in this network that is to ask: of an image of ours, which has openssl, and with the most memory. */
export function askerIn(network: string, stack: Stack, containers: readonly ObservedContainer[]): Asker | undefined {
  const serviceOf = (container: ObservedContainer): Service | undefined => stack.services.find(({ name }) => name === container.service);
  const asker = containers
    .filter((container) => container.state === 'running' && container.addresses[network] && serviceOf(container)?.image.build)
    .sort((a, b) => (serviceOf(b)?.memoryBytes ?? 0) - (serviceOf(a)?.memoryBytes ?? 0))[0];
  return asker && { id: asker.id, certificate: serviceOf(asker)?.certificate?.client ? '/run/certs/current' : '' };
}

/** Makes handshakes from inside a container. `away` for all of them where that container cannot do it. */
export async function askInside(engine: Engine, asker: Asker, questions: readonly Question[]): Promise<(Served | 'away' | undefined)[]> {
  const argv = ['sh', '-c', SCRIPT, 'ask', asker.certificate, ...questions.flatMap(argumentsOf)];
  const { exitCode, output } = await engine.exec(asker.id, argv).catch(() => ({ exitCode: 1, output: '' }));
  const lines = output.trim().split('\n');
  if (exitCode !== 0 || lines.length !== questions.length) return questions.map(() => 'away');
  return lines.map(servedOf);
}

function servedOf(line: string): Served | undefined {
  const [stapled, der] = line.split(' ');
  if (!der) return undefined;
  return { serial: new X509Certificate(Buffer.from(der, 'base64')).serialNumber, stapled: stapled === '1' };
}
