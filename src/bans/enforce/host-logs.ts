import type { Context } from '../../capability/capability.ts';
import { systemCode, UserError } from '../../core/errors.ts';
import { exists } from '../../core/files.ts';
import { runProgram } from '../../docker/compose.ts';
import type { BansSettings } from '../../services/crowdsec/settings/bans-settings.ts';
import { guessOf, messageOf, SSHD } from '../plan/ssh-lines.ts';
import { WaitingGuesses } from '../plan/waiting-guesses.ts';
import { ask } from '../provider.ts';
import { FollowedFile, whyUnread } from './follow-file.ts';
import { ANSWER_MS, inTime } from './in-time.ts';

/** Where distributions without the journal have it. */
const FILES = ['/var/log/auth.log', '/var/log/secure'];
/** An argument for each. */
const AT_ONCE = 500;
/** Of each file, in one round: 4 MiB. */
const PARTS = 16;

/**
 * Only root may say that it is sshd: anyone may write to the journal by that name. With `--lines=0`, systemd 252 shows nothing at all
 * while no line of before matches.
 */
export const JOURNAL: readonly string[] = [
  ...['--follow', '--since=now', '--no-tail', '--output=cat', '--quiet', '_UID=0'],
  ...SSHD.map((name) => `SYSLOG_IDENTIFIER=${name}`),
];

/** Hands the failed sign-ins that the host's SSH server logs to CrowdSec: their addresses, and nothing else of the log. */
export class HostLogs {
  /** What is wrong; empty where nothing is. */
  problem = '';
  private wanted = 'false';
  private files: FollowedFile[] = [];
  private names: string[] = [];
  private journal: AbortController | undefined;
  private journalProblem = '';
  private readonly waiting = new WaitingGuesses();
  private sending: Promise<unknown> | undefined;

  /** @param socket where systemd has its journal @param logs where sshd's log may be without one @param answerMs how long the engine may take */
  constructor(
    private readonly context: Context,
    private readonly socket = '/run/systemd/journal/socket',
    private readonly logs: readonly string[] = FILES,
    private readonly answerMs = ANSWER_MS,
  ) {}

  /** Reads what is new, and sends what waits. @param project the engine's name of it */
  async round(project: string, hostLogs: BansSettings['hostLogs']): Promise<void> {
    // What is not there when the host starts may come.
    const none = hostLogs === true && !this.journal && this.names.length === 0;
    if (none || JSON.stringify(hostLogs) !== this.wanted) this.begin(hostLogs);
    if (this.journal) this.problem = this.journalProblem;
    else if (this.names.length > 0) this.problem = '';
    for (const [index, file] of this.files.entries()) {
      try {
        let part = 0;
        do for (const line of file.lines()) this.take(messageOf(line));
        while (file.behind && ++part < PARTS);
      } catch (error) {
        if (systemCode(error) === undefined) throw error;
        file.close();
        this.problem = whyUnread(this.names[index] ?? '', error);
      }
    }
    await this.send(project);
  }

  end(): void {
    this.journal?.abort();
    this.journal = undefined;
    for (const file of this.files) file.close();
    this.files = [];
    this.names = [];
  }

  /** What other settings name, too, is read on from where it was. */
  private begin(hostLogs: BansSettings['hostLogs']): void {
    const before = new Map(this.names.map((name, index) => [name, this.files[index] as FollowedFile]));
    this.end();
    this.wanted = JSON.stringify(hostLogs);
    this.problem = '';
    if (hostLogs === false) return;
    if (hostLogs === true && exists(this.socket)) {
      this.follow();
      return;
    }
    const first = this.logs.find(exists);
    this.names = hostLogs === true ? (first ? [first] : []) : hostLogs;
    if (this.names.length === 0) this.problem = `there is neither a journal nor ${this.logs.join(' or ')}`;
    this.files = this.names.map((name) => before.get(name) ?? new FollowedFile(name));
  }

  /** Until this one is aborted; a journalctl that ends is started again. */
  private follow(): void {
    const journal = new AbortController();
    this.journal = journal;
    this.journalProblem = '';
    const signal = AbortSignal.any([journal.signal, this.context.signal]);
    const run = async () => {
      const { setTimeout: sleep } = await import('node:timers/promises');
      while (!signal.aborted) {
        try {
          const { exitCode, tail } = await runProgram('journalctl', JOURNAL, {
            signal,
            unbuffered: true,
            onLine: (line) => this.take(line),
            onStart: (pid) => {
              if (pid !== undefined) this.journalProblem = '';
            },
          });
          this.journalProblem = `journalctl has ended: ${tail.at(-1)?.slice(0, 300) || `status ${exitCode}`}`;
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          // Another one may read by now.
          if (!signal.aborted) this.journalProblem = error.message;
        }
        await sleep(10_000, undefined, { signal }).catch(() => undefined);
      }
    };
    void run();
  }

  private take(message: string | undefined): void {
    const guess = message === undefined ? undefined : guessOf(message);
    if (guess) this.waiting.add(guess, this.context.clock.now());
  }

  private async send(project: string): Promise<void> {
    const lines = this.waiting.first(AT_ONCE);
    if (lines.length === 0) return;
    const { leftOut } = this.waiting;
    if (leftOut > 0) this.problem = `${leftOut} failed sign-ins were left out: too many wait for CrowdSec`;
    try {
      // One that the engine has not answered yet may arrive: sent again, its lines would count twice.
      if (this.sending) throw new UserError('NOT_RUNNING', 'the engine has not answered yet', 'see whether it runs');
      const sent = this.submit(project, lines).finally(() => {
        this.sending = undefined;
      });
      this.sending = sent.catch(() => undefined);
      await inTime(sent, this.answerMs);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      this.problem = `${lines.length} failed sign-ins wait for CrowdSec: ${error.message}`;
    }
  }

  private async submit(project: string, lines: readonly string[]): Promise<void> {
    const engine = await this.context.engine();
    await ask(engine, await engine.observe(project), ['submit', ...lines]);
    this.waiting.told(lines.length);
  }
}
