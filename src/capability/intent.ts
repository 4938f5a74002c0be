/** Why a change is asked for: guards let pass what resolves the very thing that they protect. */
export interface Intent {
  /** All of the project goes. */
  takesDown?: true;
  /** It unlocks the data itself, before it starts anything. */
  unlocks?: true;
  /** Name of the capability whose interrupted work this run ends. */
  resumes?: string;
  /** Why it is done, for the audit log: of what no person decided. */
  reason?: string;
}
