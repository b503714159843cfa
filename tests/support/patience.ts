/**
 * How long anything is waited for before a test gives it up: a guard against a hang, far above what anything
 * takes where other programs keep the machine busy. No test asserts how long something takes.
 */
export const PATIENCE_MS = 5 * 60_000;
