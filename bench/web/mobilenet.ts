/**
 * A float32 network of the size and shape of MobileNetV2 1.0 at 224x224 (Sandler et al., "MobileNetV2: Inverted Residuals
 * and Linear Bottlenecks", 2018, table 2) with random weights: 301 million multiplications, 3.5 million weights. Made when a
 * benchmark wants it; to keep the file, write what `mobilenetV2()` gives.
 */
import { Random } from '../../tests/support/random.ts';
import { type OpSpec, type TensorSpec, writeTflite } from '../../tests/support/tflite-writer.ts';

const SIZE = 224;
const CLASSES = 1000;
/** Expansion, output channels, how many blocks, stride of the first. */
const STAGES = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;
const SEED = 20180113;

interface Image {
  readonly tensor: number;
  readonly size: number;
  readonly channels: number;
}

interface Layer {
  readonly channels: number;
  readonly window?: number;
  readonly stride?: number;
  readonly activation?: 'RELU6' | 'NONE';
}

class Network {
  readonly tensors: TensorSpec[] = [];
  readonly operators: OpSpec[] = [];
  private readonly random = new Random(SEED);

  tensor(name: string, shape: readonly number[], data?: Float32Array | Int32Array): number {
    const type = data instanceof Int32Array ? 'i32' : 'f32';
    const number = this.tensors.length;
    this.tensors.push({ name: `${name}${number}`, shape, type, ...(data === undefined ? {} : { data }) });
    return number;
  }

  /** Uniform weights of He et al.'s variance, so that activations keep their size from layer to layer. */
  weights(shape: readonly number[], terms: number): number {
    const bound = Math.sqrt(6 / terms);
    const count = shape.reduce((product, extent) => product * extent, 1);
    return this.tensor(
      'weights',
      shape,
      Float32Array.from({ length: count }, () => (2 * this.random.unit() - 1) * bound),
    );
  }

  bias(channels: number): number {
    return this.tensor(
      'bias',
      [channels],
      Float32Array.from({ length: channels }, () => 0.2 * this.random.unit() - 0.1),
    );
  }

  conv(x: Image, { channels, window = 1, stride = 1, activation = 'RELU6' }: Layer): Image {
    const size = Math.ceil(x.size / stride);
    const w = this.weights([channels, window, window, x.channels], window * window * x.channels);
    const inputs = [x.tensor, w, this.bias(channels)];
    const y = this.tensor('conv', [1, size, size, channels]);
    const options = {
      padding: 'SAME',
      stride_w: stride,
      stride_h: stride,
      fused_activation_function: activation,
    } as const;
    this.operators.push({ op: 'CONV_2D', inputs, outputs: [y], options });
    return { tensor: y, size, channels };
  }

  depthwise(x: Image, stride: number): Image {
    const size = Math.ceil(x.size / stride);
    const inputs = [x.tensor, this.weights([1, 3, 3, x.channels], 9), this.bias(x.channels)];
    const y = this.tensor('depthwise', [1, size, size, x.channels]);
    const options = {
      padding: 'SAME',
      stride_w: stride,
      stride_h: stride,
      depth_multiplier: 1,
      fused_activation_function: 'RELU6',
    } as const;
    this.operators.push({ op: 'DEPTHWISE_CONV_2D', inputs, outputs: [y], options });
    return { ...x, tensor: y, size };
  }

  add(a: Image, b: Image): Image {
    const y = this.tensor('add', [1, a.size, a.size, a.channels]);
    this.operators.push({ op: 'ADD', inputs: [a.tensor, b.tensor], outputs: [y] });
    return { ...a, tensor: y };
  }

  /** Inverted residual: expand, filter, project. */
  block(x: Image, expansion: number, channels: number, stride: number): Image {
    const wide = expansion === 1 ? x : this.conv(x, { channels: expansion * x.channels });
    const narrow = this.conv(this.depthwise(wide, stride), { channels, activation: 'NONE' });
    return stride === 1 && x.channels === channels ? this.add(x, narrow) : narrow;
  }

  /** Mean over the image, fully connected layer, softmax. */
  head(x: Image): number {
    const mean = this.tensor('mean', [1, x.channels]);
    const axes = this.tensor('axes', [2], Int32Array.of(1, 2));
    this.operators.push({ op: 'MEAN', inputs: [x.tensor, axes], outputs: [mean], options: { keep_dims: false } });
    const logits = this.tensor('logits', [1, CLASSES]);
    const w = this.weights([CLASSES, x.channels], x.channels);
    this.operators.push({ op: 'FULLY_CONNECTED', inputs: [mean, w, this.bias(CLASSES)], outputs: [logits] });
    const y = this.tensor('softmax', [1, CLASSES]);
    this.operators.push({ op: 'SOFTMAX', inputs: [logits], outputs: [y], options: { beta: 1 } });
    return y;
  }
}

/** The bytes of the .tflite file; always the same. */
export function mobilenetV2(): Uint8Array {
  const net = new Network();
  const input: Image = { tensor: net.tensor('image', [1, SIZE, SIZE, 3]), size: SIZE, channels: 3 };
  let x = net.conv(input, { channels: 32, window: 3, stride: 2 });
  for (const [expansion, channels, blocks, stride] of STAGES) {
    for (let i = 0; i < blocks; i += 1) x = net.block(x, expansion, channels, i === 0 ? stride : 1);
  }
  const output = net.head(net.conv(x, { channels: 1280 }));
  const { tensors, operators } = net;
  return writeTflite({ subgraphs: [{ tensors, operators, inputs: [input.tensor], outputs: [output] }] });
}
