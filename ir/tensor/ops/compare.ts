export const COMPARE_OPS = {} as const;
