import type { KernelNeed } from './kernel-need.ts';

/** Redis forks to save, and the child shares all memory until one of them writes. */
export const REDIS_KERNEL: KernelNeed = {
  setting: 'vm.overcommit_memory',
  atLeast: 1,
  why: 'without it Redis cannot save while memory is short',
};
