export const RESIZE_OPS = {} as const;
