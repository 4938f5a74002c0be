/** A running piece of work as it is shown. */
export interface Task {
  /** What it waits for at the moment. */
  detail(text: string): void;
  done(note?: string): void;
  failed(): void;
}

/** Where progress goes: always stderr, because stdout carries the result. */
export interface Reporter {
  task(title: string): Task;
  note(text: string): void;
  warn(text: string): void;
  /** Shown with --verbose alone. */
  verbose(text: string): void;
}

export const silent: Reporter = {
  task: () => ({ detail: () => {}, done: () => {}, failed: () => {} }),
  note: () => {},
  warn: () => {},
  verbose: () => {},
};
