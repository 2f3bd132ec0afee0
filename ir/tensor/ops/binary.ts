export const BINARY_OPS = {} as const;
