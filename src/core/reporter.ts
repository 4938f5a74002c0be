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

/** Shows a piece of work as a task: done once it resolves, failed when it rejects. @returns what the work gives */
export async function shown<T>(report: Pick<Reporter, 'task'>, title: string, work: (task: Task) => Promise<T>): Promise<T> {
  const task = report.task(title);
  try {
    const value = await work(task);
    task.done();
    return value;
  } catch (error) {
    task.failed();
    throw error;
  }
}
