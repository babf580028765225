export const WATCHDOG: string;
