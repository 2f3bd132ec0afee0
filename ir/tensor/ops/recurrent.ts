export const RECURRENT_OPS = {} as const;
