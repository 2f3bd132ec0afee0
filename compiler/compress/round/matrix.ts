/** Dense linear algebra on [n, n] matrices in row-major order. */

/** A matrix that has no Cholesky factor. */
export class NotPositiveError extends Error {
  override name = 'NotPositiveError';
}

/** The upper triangular R with R R^T = H for a symmetric positive definite H. Throws NotPositiveError. */
export function upperFactor(h: Float64Array, n: number): Float64Array {
  const r = new Float64Array(n * n);
  for (let j = n - 1; j >= 0; j--) {
    let pivot = h[j * n + j];
    for (let k = j + 1; k < n; k++) pivot -= r[j * n + k] ** 2;
    if (!(pivot > 0)) throw new NotPositiveError(`pivot ${j} of ${n} is ${pivot}`);
    const root = Math.sqrt(pivot);
    r[j * n + j] = root;
    for (let i = 0; i < j; i++) {
      let sum = h[i * n + j];
      for (let k = j + 1; k < n; k++) sum -= r[i * n + k] * r[j * n + k];
      r[i * n + j] = sum / root;
    }
  }
  return r;
}

/** The inverse of an upper triangular matrix. */
export function upperInverse(r: Float64Array, n: number): Float64Array {
  const inverse = new Float64Array(n * n);
  for (let i = n - 1; i >= 0; i--) {
    const pivot = 1 / r[i * n + i];
    inverse[i * n + i] = pivot;
    // Row i of R times the rows below of the inverse.
    for (let k = i + 1; k < n; k++) {
      const factor = -pivot * r[i * n + k];
      if (factor === 0) continue;
      for (let j = k; j < n; j++) inverse[i * n + j] += factor * inverse[k * n + j];
    }
  }
  return inverse;
}

/** e^T H e for each row e of `errors`, [rows, n]. */
export function quadraticForms(errors: Float64Array, h: Float64Array, n: number): Float64Array {
  const rows = errors.length / n;
  const product = timesSymmetric(errors, h, n);
  return Float64Array.from({ length: rows }, (_, r) => {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += errors[r * n + i] * product[r * n + i];
    return sum;
  });
}

/** `errors` times H, [rows, n]. */
export function timesSymmetric(errors: Float64Array, h: Float64Array, n: number): Float64Array {
  const product = new Float64Array(errors.length);
  for (let start = 0; start < errors.length; start += n) {
    const out = product.subarray(start, start + n);
    for (let k = 0; k < n; k++) {
      const e = errors[start + k];
      if (e === 0) continue;
      const row = k * n;
      for (let i = 0; i < n; i++) out[i] += e * h[row + i];
    }
  }
  return product;
}
