import { type Command, done } from '../../capability/capability.ts';
import { UserError } from '../../core/errors.ts';
import { scaleText } from '../plan/scaled.ts';

export const scale: Command = {
  name: 'scale',
  section: 'Change',
  summary: 'More or fewer replicas, without a reload or a dropped request; valid until app.replicas is changed in medianest.yml',
  example: 'medianest scale app=5',
  args: '<service=count>',
  run: async (context, [what = '']) => {
    const { open } = await import('../../project/open.ts');
    const { scaleApp } = await import('../scale.ts');
    const { servicesIn } = await import('../plan/deploy.ts');
    const [service = '', count, ...rest] = what.split('=');
    const replicas = Number(count);
    const project = await open(context);
    const processes = ['app', ...Object.keys(servicesIn(project.loaded.settings))];
    if (!processes.includes(service) || rest.length > 0 || !/^\d+$/.test(count ?? '')) {
      const forms = processes.map((name) => `${name}=COUNT`).join(' or ');
      throw new UserError(
        'USAGE',
        `${JSON.stringify(what)}: should be ${forms}; only ${processes.length > 1 ? 'processes of the application have' : 'the app has'} replicas to scale`,
        'medianest scale app=5',
      );
    }
    const { outcome, pending } = await scaleApp(context, project, replicas, { process: service });
    return done(outcome, scaleText(outcome, pending));
  },
};
