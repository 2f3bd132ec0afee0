/**
 * Times one model on one runtime. Runs in a page and in Node, which is why it is JavaScript without imports.
 *
 * A peer exports `create(job)`, and `prepare(job)` where a part of its script is still to be had; what `create` resolves to
 * has `run()`, from the caller's input arrays to output arrays of its own, with or without a promise.
 */
const WARM_UP_MS = 600;
const BATCH_MS = 15;
const TOTAL_MS = 700;
const MIN_BATCHES = 7;

/** Milliseconds of `count` runs in a row. */
async function timeBatch({ run }, count, isAsync) {
  const start = performance.now();
  if (isAsync) for (let i = 0; i < count; i += 1) await run();
  else for (let i = 0; i < count; i += 1) run();
  return performance.now() - start;
}

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * @returns milliseconds of one inference (median and least of the batches), milliseconds to the first answer from nothing
 * and from when the peer's script is there, and that answer
 */
export async function measure({ prepare, create }, job, started) {
  await prepare?.(job);
  const loaded = performance.now();
  const session = await create(job);
  const first = session.run();
  const isAsync = typeof first.then === 'function';
  const outputs = (await first).map((array) => array.slice());
  const answered = performance.now();
  const [firstAnswerMs, loadMs] = [answered - started, answered - loaded];
  let count = 1;
  for (let warm = 0; warm < WARM_UP_MS; ) {
    const ms = await timeBatch(session, count, isAsync);
    warm += ms;
    if (ms < BATCH_MS) count = Math.max(count + 1, Math.ceil((count * BATCH_MS) / Math.max(ms, 1)));
  }
  count = Math.max(1, Math.round((count * BATCH_MS) / (await timeBatch(session, count, isAsync))));
  const batches = [];
  for (let total = 0; total < TOTAL_MS || batches.length < MIN_BATCHES; ) {
    const ms = await timeBatch(session, count, isAsync);
    total += ms;
    batches.push(ms / count);
  }
  return { ms: median(batches), leastMs: Math.min(...batches), firstAnswerMs, loadMs, outputs };
}
