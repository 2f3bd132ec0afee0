export const UNARY_OPS = {} as const;
