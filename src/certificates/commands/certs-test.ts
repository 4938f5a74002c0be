import { type Command, done } from '../../capability/capability.ts';
import { textOf } from '../../core/flags.ts';

export const certsTest: Command = {
  name: 'certs test',
  summary: 'Grade the running edge’s TLS, or an address, with testssl.sh: grade, score, findings',
  example: 'medianest certs test',
  args: '[address]',
  options: [['--ca <file>', 'A root to trust besides those of the system and the internal CA']],
  run: async (context, [address], options) => {
    const { open } = await import('../../project/open.ts');
    const { gradeTls } = await import('../grade-tls.ts');
    const { table } = await import('../../ui/table.ts');
    const grade = await gradeTls(context, await open(context), address, textOf(options.ca));
    const rows = grade.findings.map(({ severity, id, finding }) => [severity, id, finding]);
    const text = [
      `${grade.target}: ${grade.grade}${grade.score === null ? '' : `, ${grade.score} of 100`}`,
      ...grade.reasons,
      ...(rows.length > 0 ? [table([['SEVERITY', 'FINDING', 'WHAT'], ...rows])] : ['no findings']),
    ];
    return done(grade, text.join('\n'));
  },
};
