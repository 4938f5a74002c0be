/** Exit statuses of a container that was stopped on purpose: by itself, SIGINT, SIGTERM. */
const ON_PURPOSE = [0, 130, 143];

/** Whether a fault or a kill ended a container, and no request to stop. */
export const endedByFault = (exitCode: number): boolean => !ON_PURPOSE.includes(exitCode);
