/** A setting of the host's kernel that a container is better with, or cannot do without (`must`). */
export interface KernelNeed {
  setting: string;
  atLeast: number;
  why: string;
  must?: boolean;
}
