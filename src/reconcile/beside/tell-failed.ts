import type { Capability, FinishedUp } from '../../capability/capability.ts';

/** Tells each capability that an `up` has failed. What one of them cannot record hides neither the failure nor the others. */
export async function tellFailed(capabilities: readonly Capability[], run: FinishedUp, error: unknown): Promise<void> {
  for (const { name, up } of capabilities)
    await up
      ?.failed?.(run, error)
      .catch((fault: Error) =>
        run.context.report.warn(
          `${name} could not record how far this run came: ${fault.message}\n  Fix: correct the cause, then medianest up`,
        ),
      );
}
