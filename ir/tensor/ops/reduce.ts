export const REDUCE_OPS = {} as const;
