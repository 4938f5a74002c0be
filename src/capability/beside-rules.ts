/** What stands on the host beside the confirmed rules of the firewall. All of it is done as root. */
export interface BesideRules<Context, Project> {
  /** The rules are confirmed, and loaded. A failure is no failure of theirs: it is told as a warning. */
  kept(context: Context, project: Project): Promise<void>;
  /** Before the rules are removed. @returns the files that were there */
  removed(project: string): Promise<string[]>;
  /** Its files on the host. */
  there(project: string): Promise<string[]>;
}
