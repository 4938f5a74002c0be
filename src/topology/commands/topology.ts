import path from 'node:path';
import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import type { Topology } from '../plan/topology.ts';

const FORMATS = ['mermaid', 'svg', 'html'];

export const topology: Command = {
  name: 'topology',
  section: 'Look',
  summary: 'A picture of the stack: networks, services, who calls whom, published ports, TLS; with --live its health, roles and lag',
  example: 'medianest topology --format html --live --out stack.html',
  options: [
    ['--format <mermaid|svg|html>', 'How it is drawn (default: as the name of --out ends, else mermaid)'],
    ['--live', 'Ask the engine and the members, and colour by health'],
    ['--out <file>', 'Write it there'],
  ],
  run: async (context, _args, options) => {
    const out = typeof options.out === 'string' ? options.out : undefined;
    const format = String(options.format ?? formatOf(out));
    if (!FORMATS.includes(format))
      throw new UserError('USAGE', `--format ${format}: should be one of ${FORMATS.join(', ')}`, 'for example --format svg');
    const { open } = await import('../../project/open.ts');
    const { pictureOf } = await import('../collect.ts');
    const { writeAtomic } = await import('../../core/files.ts');
    const picture = await pictureOf(context, await open(context), options.live === true);
    const text = await draw(format, picture, context.clock.now());
    if (out === undefined) return done({ format, topology: picture }, text);
    writeAtomic(path.resolve(context.cwd, out), `${text}\n`, 0o644, 'with --out');
    return done({ format, file: out, topology: picture }, out);
  },
};

/** A file named x.svg holds SVG. */
const formatOf = (out: string | undefined): string => FORMATS.find((format) => out?.toLowerCase().endsWith(`.${format}`)) ?? 'mermaid';

async function draw(format: string, picture: Topology, now: Date): Promise<string> {
  switch (format) {
    case 'svg':
      return (await import('../draw/svg.ts')).svg(picture);
    case 'html':
      return (await import('../draw/html.ts')).html(picture, now);
    default:
      return (await import('../draw/mermaid.ts')).mermaid(picture);
  }
}
