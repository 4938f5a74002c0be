import { type Command, type Context, done, type Result } from '../../capability/capability.ts';
import { EXIT, UserError } from '../../core/errors.ts';
import { didYouMean } from '../../core/suggest.ts';

const openProject = async (context: Context) => (await import('../../project/open.ts')).open(context);

const jobsList: Command = {
  name: 'jobs list',
  summary: 'What is run again and again: its times, the last run and the next one',
  example: 'medianest jobs list',
  run: async (context) => {
    const { hasRunner, knownJobs } = await import('../records.ts');
    const { describeJob, jobView } = await import('../plan/jobs-view.ts');
    const { table } = await import('../../ui/table.ts');
    const project = await openProject(context);
    const views = (await knownJobs(context, project)).map((job) => jobView(job, context.clock.now()));
    const rows = [['JOB', 'TIMES', 'LAST RUN', 'NEXT RUN', 'COMMAND'], ...views.map(describeJob)];
    const byTimers = views.length > 0 && views.every(({ runner }) => runner === 'systemd');
    const hint =
      hasRunner(project.state) || byTimers
        ? []
        : ['', 'Nothing runs them yet: sudo medianest jobs install, or keep `medianest jobs watch` running'];
    return done({ jobs: views }, [table(rows), ...hint].join('\n'));
  },
};

const jobsRun: Command = {
  name: 'jobs run',
  summary: 'Run one job now, and note how it went',
  example: 'medianest jobs run verify',
  args: '<job>',
  measured: true,
  run: async (context, [name = '']) => {
    const { knownJobs } = await import('../records.ts');
    const { runJob } = await import('../run-job.ts');
    const project = await openProject(context);
    const jobs = await knownJobs(context, project);
    const job = jobs.find((one) => one.name === name);
    if (!job) {
      const names = jobs.map((one) => one.name);
      throw new UserError('USAGE', `there is no job ${JSON.stringify(name)} here; ${didYouMean(name, names)}`, 'medianest jobs list');
    }
    if (context.flags.dryRun) return done({ job: name, result: 'planned' }, `would run: medianest ${job.command.join(' ')}`);
    const record = await runJob(context, project, job, lines(context));
    const status = record.status ?? EXIT.failed;
    return done(
      { job: name, ...record },
      status === EXIT.done ? `${name} is done` : `${name} failed: ${record.message ?? `status ${status}`}`,
      status,
    );
  },
};

const jobsRunDue: Command = {
  name: 'jobs run-due',
  summary: 'Run what is due, once: for a timer or cron, each minute (exit 4 if a job failed)',
  example: 'medianest jobs run-due',
  run: (context) => run(context, false),
};

const jobsWatch: Command = {
  name: 'jobs watch',
  summary: 'Run what becomes due, until Ctrl-C: where there is no systemd',
  example: 'medianest jobs watch',
  run: (context) => run(context, true),
};

async function run(context: Context, forever: boolean): Promise<Result> {
  const project = await openProject(context);
  const { requireManifest } = await import('../../project/open.ts');
  requireManifest(project.state);
  if (context.flags.dryRun) return jobsList.run(context, [], {});
  const { runDue } = await import('../runner.ts');
  try {
    const ran = await runDue(context, project, forever, lines(context));
    const failed = ran.filter(({ status }) => status !== EXIT.done);
    const text = ran
      .map(({ job, status, message }) => `${job}: ${status === EXIT.done ? 'done' : (message ?? `status ${status}`)}`)
      .join('\n');
    return done({ ran }, text || 'nothing is due', failed.length > 0 ? EXIT.partial : EXIT.done);
  } catch (error) {
    // The runner of the minute before works on; a person who starts a second one by hand should know.
    if (forever || !(error instanceof UserError) || error.code !== 'LOCKED') throw error;
    return done({ ran: [] }, 'another runner is at work');
  }
}

/** What a job prints goes where progress goes: stdout is for the result. */
const lines = (context: Context) => (line: string) => context.report.note(line);

const jobsInstall: Command = {
  name: 'jobs install',
  summary: 'Have systemd run what is due each minute (as root); in place of the timers of `backup schedule` and `certs schedule`',
  example: 'medianest jobs install',
  run: async (context) => {
    const { RUNNER } = await import('../plan/timers.ts');
    const { installTimers, unitFiles } = await import('../timers.ts');
    const { knownJobs } = await import('../records.ts');
    const project = await openProject(context);
    const jobs = await knownJobs(context, project);
    const own = jobs.filter(({ ownTimer }) => ownTimer).map(({ name }) => name);
    if (own.length > 0) {
      const schedules = (await context.capabilities()).flatMap((capability) => capability.schedules ?? []);
      const groups = schedules.filter(({ timers }) => timers.some(({ name }) => own.includes(name))).map(({ group }) => group);
      const fix = groups.map((group) => `sudo medianest ${group} schedule remove`).join('; ');
      throw new UserError(
        'ALREADY_THERE',
        `systemd has timers of their own for ${own.join(', ')}; nothing was changed`,
        `${fix}; then run the same command again`,
      );
    }
    if (context.flags.dryRun) {
      const units = await unitFiles(context, project, [RUNNER]);
      return done(
        { units },
        Object.entries(units)
          .map(([file, contents]) => `# ${file}\n${contents}`)
          .join('\n'),
      );
    }
    const units = await installTimers(context, project, [RUNNER], false);
    return done({ units }, `systemd runs what is due each minute (${jobs.map(({ name }) => name).join(', ')}): ${units.join(', ')}`);
  },
};

const jobsRemove: Command = {
  name: 'jobs remove',
  summary: 'End that (as root); nothing is run by itself any more',
  example: 'medianest jobs remove',
  run: async (context) => {
    const { RUNNER } = await import('../plan/timers.ts');
    const { removeTimers } = await import('../timers.ts');
    const { forgetJobs } = await import('../records.ts');
    const project = await openProject(context);
    const units = await removeTimers(context, project, [RUNNER]);
    if (!context.flags.dryRun) forgetJobs(project.state);
    return done(
      { units },
      units.length > 0 ? `${context.flags.dryRun ? 'would remove' : 'removed'} ${units.join(', ')}` : 'it was not installed',
    );
  },
};

export const jobs = [jobsList, jobsRun, jobsRunDue, jobsWatch, jobsInstall, jobsRemove];
