import type { EngineInfo } from '../../docker/types.ts';
import type { ImageSpec, Stack } from '../../stack/types.ts';
import { engineFindings } from './engine.ts';
import type { DoctorFacts, HostFacts, StorageFacts } from './facts.ts';
import type { Finding } from './finding.ts';
import { kernelFindings, memoryFinding } from './machine.ts';
import { pullFindings } from './pulls.ts';
import { typeFindings } from './storage.ts';

/** The part of `doctor` that `up` goes by: what would stop the stack, or keep it from running well. */
export function examineRunning(seen: {
  stack: Stack;
  engine: EngineInfo;
  engineAt: DoctorFacts['engineAt'];
  kernel: HostFacts['kernel'];
  storage: StorageFacts | undefined;
  pulls?: readonly ImageSpec[];
}): Finding[] {
  return [
    ...engineFindings(seen.engine, seen.engineAt),
    memoryFinding(seen.stack, seen.engine.memoryBytes),
    ...kernelFindings(seen.stack, seen.kernel),
    ...(seen.storage ? typeFindings('engine', seen.storage) : []),
    ...(seen.storage ? pullFindings(seen.pulls ?? [], seen.storage) : []),
  ];
}
