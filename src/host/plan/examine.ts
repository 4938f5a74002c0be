import type { HealthReport } from '../../capability/check.ts';
import { examineEncryptedData } from './encrypted-data.ts';
import { examineEngine, examineTool } from './engine.ts';
import type { DoctorFacts } from './facts.ts';
import type { Examination, Finding } from './finding.ts';
import { examineClock, examineDisk, examineKernel, examineMemory, examineTunnel } from './machine.ts';
import { examineIsolation, examineNames, examinePorts, examineRanges, examineReach } from './network.ts';
import { examineFiles, examineLeftovers, examineProject } from './state.ts';
import { examineFileSystems } from './storage.ts';

/** Every examination, in the order in which a person would look. */
const EXAMINATIONS: readonly Examination[] = [
  examineTool,
  examineEngine,
  examineMemory,
  examineDisk,
  examineFileSystems,
  examineEncryptedData,
  examineKernel,
  examineTunnel,
  examineClock,
  examinePorts,
  examineReach,
  examineRanges,
  examineIsolation,
  examineNames,
  examineFiles,
  examineProject,
  examineLeftovers,
];

export interface DoctorReport extends HealthReport {
  checks: Finding[];
}

/** What was seen -> what it means. The same judgements are `up`'s preflight. */
export function examine(facts: DoctorFacts, examinations = EXAMINATIONS): DoctorReport {
  const checks = examinations.flatMap((look) => look(facts));
  const has = (status: Finding['status']) => checks.some((check) => check.status === status);
  return { status: has('fail') ? 'fail' : has('warn') ? 'warn' : 'ok', checks };
}
