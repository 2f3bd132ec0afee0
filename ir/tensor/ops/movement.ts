export const MOVEMENT_OPS = {} as const;
