/** Steps of optimizers (domain ai.onnx.preview.training): inputs are the rate, the step, then the tensors list by list. */
import type { Converter, Converters, NodeContext } from '../node.ts';
import type { Value } from '../values.ts';

/** `lists` tensors belong to each parameter; `step` gives its new value and its new memories. */
function optimizer(
  lists: number,
  step: (node: NodeContext, rate: Value, time: Value, own: readonly Value[]) => readonly Value[],
): Converter {
  return (node) => {
    const [rate, time, ...tensors] = node.inputs();
    const count = tensors.length / lists;
    if (!Number.isInteger(count)) return node.refuse(`inputs in ${lists} lists`, `${tensors.length}`);
    const results = Array.from({ length: count }, (_, i) => {
      const own = Array.from({ length: lists }, (_unused, list) => tensors[list * count + i]);
      return step(node, node.ops.reshape(rate, []), node.ops.reshape(node.ops.cast(time, 'f32'), []), own);
    });
    return results[0].flatMap((_, list) => results.map((own) => own[list]));
  };
}

/** The gradient plus that of norm_coefficient / 2 times the squared norm. */
function regularized(node: NodeContext, x: Value, gradient: Value): Value {
  const { ops } = node;
  return ops.add(ops.mul(ops.f32(node.attributes.float('norm_coefficient', 0)), x), gradient);
}

const momentum = optimizer(3, (node, rate, time, [x, g, v]) => {
  const { ops, attributes } = node;
  const alpha = ops.f32(attributes.float('alpha', 0));
  const started = ops.compare('greater', time, ops.f32(0));
  const beta = ops.select(started, ops.f32(attributes.float('beta', 1)), ops.f32(1));
  const gradient = regularized(node, x, g);
  const velocity = ops.add(ops.mul(alpha, v), ops.mul(beta, gradient));
  const nesterov = attributes.choice('mode', ['standard', 'nesterov'], 'standard') === 'nesterov';
  const direction = nesterov ? ops.add(gradient, ops.mul(alpha, velocity)) : velocity;
  return [ops.sub(x, ops.mul(rate, direction)), velocity];
});

const adagrad = optimizer(3, (node, rate, time, [x, g, h]) => {
  const { ops, attributes } = node;
  const decay = ops.add(ops.f32(1), ops.mul(time, ops.f32(attributes.float('decay_factor', 0))));
  const gradient = regularized(node, x, g);
  const squares = ops.add(h, ops.mul(gradient, gradient));
  const root = ops.add(ops.unary('sqrt', squares), ops.f32(attributes.float('epsilon', 1e-6)));
  return [ops.sub(x, ops.div(ops.mul(ops.div(rate, decay), gradient), root)), squares];
});

const adam = optimizer(4, (node, rate, time, [x, g, v, h]) => {
  const { ops, attributes } = node;
  const alpha = attributes.float('alpha', 0.9);
  const beta = attributes.float('beta', 0.999);
  const mixed = (share: number, old: Value, fresh: Value) =>
    ops.add(ops.mul(ops.f32(share), old), ops.mul(ops.f32(1 - share), fresh));
  const gradient = regularized(node, x, g);
  const first = mixed(alpha, v, gradient);
  const second = mixed(beta, h, ops.mul(gradient, gradient));
  const root = ops.add(ops.unary('sqrt', second), ops.f32(attributes.float('epsilon', 1e-6)));
  const power = (base: number) => ops.sub(ops.f32(1), ops.one('pow', [ops.f32(base), time], {}));
  const corrected = ops.div(ops.mul(rate, ops.unary('sqrt', power(beta))), power(alpha));
  const adjusted = ops.select(ops.compare('greater', time, ops.f32(0)), corrected, rate);
  const moved = ops.sub(x, ops.div(ops.mul(adjusted, first), root));
  const kept = ops.f32(1 - attributes.float('norm_coefficient_post', 0));
  return [ops.mul(kept, moved), first, second];
});

export const TRAINING: Converters = { Momentum: momentum, Adagrad: adagrad, Adam: adam };
