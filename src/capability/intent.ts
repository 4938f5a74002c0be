/** Why a change is asked for: guards let pass what resolves the very thing that they protect. */
export interface Intent {
  /** All of the project goes. */
  takesDown?: true;
  /** A person or a device is let in no more: what was interrupted does not hold that up. */
  removesAccess?: true;
  /** It unlocks the data itself, before it starts anything. */
  unlocks?: true;
  /** It starts no container and changes no data, such as a key that the kernel is given: what was interrupted needs it to continue. */
  keepsData?: true;
  /** Name of the capability whose interrupted work this run ends. */
  resumes?: string;
  /** It takes files of the state folder that another program has changed as they are: a person has asked for what the settings say. */
  accepts?: true;
  /** Why it is done, for the audit log: of what no person decided. */
  reason?: string;
}
