/**
 * Runs once around every `vitest run`.
 *
 * @module
 */
export async function setup(): Promise<void> {}
