import type { Context } from '../../capability/capability.ts';
import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { listOf, textOf } from '../../core/flags.ts';

export const init: Command = {
  name: 'init',
  section: 'Start',
  summary: 'Ask a few questions, propose what fits this machine, and write a commented medianest.yml; never overwrites',
  example: 'medianest init --yes --profile dev-compose --domain media.home.example',
  options: [
    ['--domain <names>', 'Names of the portal, separated by commas'],
    ['--answers <file>', 'Settings as in medianest.yml: what they say is not asked, and what they leave out is proposed'],
  ],
  run: async (context, _args, options) => {
    const { settingsFile, writeSettings } = await import('../write-settings.ts');
    const { given } = await import('../answers.ts');
    const { converse } = await import('./init-conversation.ts');
    const { diagnose } = await import('../../doctor/doctor.ts');
    const { describeHealth } = await import('../../capability/describe-checks.ts');
    const { open } = await import('../../project/open.ts');
    const { offersOf } = await import('../../project/offers.ts');
    const file = settingsFile(context);
    if (!context.flags.yes && !context.flags.dryRun && !(await canAsk(context))) {
      throw new UserError(
        'CONFIRMATION_NEEDED',
        'there is no terminal to ask on; nothing was written',
        'take what is proposed with --yes, and say the rest by flags (--profile, --domain, --set) or --answers FILE',
      );
    }
    const said = { answers: textOf(options.answers), domains: listOf(options.domain)?.filter(Boolean) };
    const answers = await converse(context, await given(context, said));
    const written = await writeSettings(context, file, answers);
    if (context.flags.dryRun) return done({ file, settings: answers.settings, written: false }, written.text);
    const forFile = { ...context, flags: { ...context.flags, config: file } };
    const report = await diagnose(forFile);
    const offers = await offersOf(forFile, await open(forFile));
    const next = report.status === 'fail' ? 'Put right what fails above, then: medianest up' : 'Next: medianest up';
    return done(
      { file, secrets: written.secrets, settings: answers.settings, written: true, doctor: report },
      [`wrote ${[file, ...written.secrets].join(', ')}`, '', describeHealth(report), '', ...offers, next].join('\n'),
    );
  },
};

const canAsk = async (context: Context): Promise<boolean> => process.stdin.isTTY === true && !context.flags.json;
