export const SOFTMAX_OPS = {} as const;
