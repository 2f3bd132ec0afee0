export const POOL_OPS = {} as const;
