/** One line of JSON for each thing that was done or noticed, with its reason. */
export type Log = (what: string, facts?: Record<string, unknown>) => void;

export const logTo =
  (write: (line: string) => void, now: () => Date): Log =>
  (what, facts = {}) =>
    write(`${JSON.stringify({ time: now().toISOString(), what, ...facts })}\n`);

/** Tells a state only when it is another than last time: what is looked at every second would fill the log otherwise. */
export function onChange(log: Log): (topic: string, what: string, facts?: Record<string, unknown>) => void {
  const last = new Map<string, string>();
  return (topic, what, facts) => {
    if (last.get(topic) === what) return;
    last.set(topic, what);
    log(what, facts);
  };
}
