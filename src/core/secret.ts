const values = new WeakMap<Secret, string>();

/**
 * A value that must never be shown. Printing, JSON-encoding and inspecting it give `[redacted]`;
 * only `reveal()` gives the value, so that every place that does so can be found by name.
 */
export class Secret {
  constructor(value: string) {
    values.set(this, value);
  }

  reveal(): string {
    return values.get(this) as string;
  }

  toString(): string {
    return '[redacted]';
  }

  toJSON(): string {
    return '[redacted]';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[redacted]';
  }
}
