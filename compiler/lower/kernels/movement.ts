export const MOVEMENT_KERNELS = {} as const;
