/** How a program judges settings by itself: in a container of the service's image, without network and data. */
export interface SettingsTrial {
  /** The settings, as a person finds them: `database.parameters`. */
  setting: string;
  /** Ends with status 3 if they are refused, and prints what is wrong with them, a line for each. */
  argv: string[];
  /** Its standard input. */
  input: string;
  /** Shared memory of its container, as of the service's: `256m`. */
  sharedMemory: string;
  /** What a person does where they are refused. */
  remedy: string;
}
