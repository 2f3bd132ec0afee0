export const RESIZE_KERNELS = {} as const;
