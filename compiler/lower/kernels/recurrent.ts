export const RECURRENT_KERNELS = {} as const;
