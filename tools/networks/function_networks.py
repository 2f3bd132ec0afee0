"""Small networks written as TensorFlow functions: what Keras layers do not reach, control flow and state."""
import tensorflow as tf


class Network(tf.Module):
    """`signature` states the inputs; `rng` gives the weights."""

    signature = ()

    def __init__(self, rng):
        super().__init__()
        self.rng = rng
        self.build()
        self.run = tf.function(self.call, input_signature=list(self.signature))

    def build(self):
        pass

    def weights(self, *shape):
        fan_in = 1
        for n in shape[:-1]:
            fan_in *= n
        return tf.constant(self.rng.normal(0, (1.6 / fan_in) ** 0.5, shape), tf.float32)

    def bias(self, n):
        return tf.constant(self.rng.normal(0, 0.2, [n]), tf.float32)


def floats(*shape, name="x"):
    return tf.TensorSpec(shape, tf.float32, name=name)


class SuperResolution(Network):
    signature = (floats(1, 8, 8, 1),)

    def build(self):
        self.w = [self.weights(3, 3, 4, 8), self.weights(3, 3, 8, 16)]
        self.b = [self.bias(8), self.bias(16)]

    def call(self, x):
        y = tf.nn.space_to_depth(x, 2)
        y = tf.nn.relu(tf.nn.conv2d(y, self.w[0], 1, "SAME") + self.b[0])
        y = tf.nn.conv2d(tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"), self.w[1], 1, "VALID") + self.b[1]
        y = tf.nn.depth_to_space(y, 4)
        return y + tf.image.resize(x, [16, 16], "bilinear")


class Resizing(Network):
    signature = (floats(1, 7, 9, 2),)

    def build(self):
        self.w = self.weights(1, 1, 8, 3)

    def call(self, x):
        half = tf.image.resize(x, [13, 5])
        corners = tf.compat.v1.image.resize_bilinear(x, [13, 5], align_corners=True)
        nearest = tf.image.resize(x, [13, 5], "nearest")
        legacy = tf.compat.v1.image.resize_nearest_neighbor(x, [13, 5])
        return tf.nn.conv2d(tf.concat([half, corners, nearest, legacy], -1), self.w, 1, "VALID")


class TimeSeries(Network):
    signature = (floats(1, 24, 4),)

    def build(self):
        self.w = self.weights(32, 6)

    def call(self, x):
        a, b = tf.split(x, 2, axis=2)
        total = tf.cumsum(a * 0.2, axis=1)
        lagged = tf.pad(b[:, :-1, :], [[0, 0], [1, 0], [0, 0]])
        mirrored = tf.pad(b, [[0, 0], [2, 2], [0, 0]], "SYMMETRIC")[:, ::-1, :][:, 1:-3, :]
        chosen = tf.gather(x, [0, 3, 2, 3], axis=2)
        first, second, *_ = tf.unstack(tf.reshape(chosen, [1, 6, 4, 4]), axis=1)
        mixed = tf.stack([first, second, first - second], axis=1)
        features = tf.concat([total, b - lagged, mirrored], axis=2)
        windows = tf.reshape(features[:, 4:20:3, :], [1, 6, 6])
        mean = tf.reduce_mean(windows, axis=1)
        flat = tf.concat([mean, -mean, tf.reshape(tf.reduce_max(mixed, axis=2), [1, 12]),
                          tf.reshape(tf.reduce_sum(mixed, axis=1), [1, 16])[:, 3:11]], axis=1)
        return tf.matmul(flat, self.w)


class Patterns(Network):
    """Operators that the converter leaves in float models only."""

    signature = (floats(2, 3, 4),)

    def call(self, x):
        tiled = tf.tile(x, [1, 2, 3])
        chosen = tf.where(tiled > 0.0, tiled, -tiled)
        return chosen + tf.math.pow(tf.reduce_min(tiled, axis=0), 2.0)


class Embedding(Network):
    signature = (floats(1, 8, 8, 2),)

    def build(self):
        self.w = [self.weights(3, 3, 2, 8), self.weights(8, 16)]

    def call(self, x):
        y = tf.nn.relu(tf.nn.conv2d(x, self.w[0], 2, "SAME"))
        return tf.math.l2_normalize(tf.matmul(tf.reduce_mean(y, [1, 2]), self.w[1]), axis=-1)


class Classifier(Network):
    """The answer is a number, and a score."""

    signature = (floats(1, 10, 6),)

    def build(self):
        self.w = self.weights(6, 9)

    def call(self, x):
        y = tf.reduce_max(tf.matmul(tf.reshape(x, [10, 6]), self.w), axis=0, keepdims=True)
        return {"index": tf.argmax(y, axis=1, output_type=tf.int32), "score": tf.nn.softmax(y),
                "least": tf.argmin(y, axis=1, output_type=tf.int32)}


class Masks(Network):
    signature = (floats(1, 6, 8), floats(1, 6, 8, name="y"))

    def call(self, x, y):
        near = tf.logical_and(x > y, tf.logical_not(y >= 0.5))
        kept = tf.where(near, tf.minimum(y, 0.25), 0.125)
        return tf.where(tf.reduce_sum(x, axis=2, keepdims=True) < 1.0, kept, tf.zeros_like(kept)) + tf.maximum(x, y)


class Frontend(Network):
    """Spectral features of a frame: windowing, a projection, power, logarithm, normalization."""

    signature = (floats(1, 4, 32),)

    def build(self):
        self.cosines, self.sines = self.weights(32, 17), self.weights(32, 17)
        self.bands = tf.abs(self.weights(17, 8))

    def call(self, x):
        frames = x - tf.reduce_mean(x, axis=2, keepdims=True)
        power = tf.square(tf.matmul(frames, self.cosines)) + tf.square(tf.matmul(frames, self.sines))
        bands = tf.math.log(tf.maximum(tf.matmul(tf.sqrt(power), self.bands), 1e-3))
        spread = tf.math.reduce_std(bands, axis=1, keepdims=True)
        phase = tf.sin(x[:, :, :8]) * tf.cos(x[:, :, 8:16]) + tf.exp(-tf.abs(x[:, :, 16:24]))
        steps = tf.floor(phase) + tf.round(phase) - tf.math.ceil(phase)
        return (bands - tf.reduce_mean(bands, axis=1, keepdims=True)) / (spread + 0.1) + steps


class Attention(Network):
    """Single-head attention of matrices, as written without layers."""

    signature = (floats(1, 6, 8),)

    def build(self):
        self.w = [self.weights(8, 8) for _ in range(3)]

    def call(self, x):
        q, k, v = (tf.matmul(x, w) for w in self.w)
        scores = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 8 ** 0.5)
        mean, variance = tf.nn.moments(x, [2], keepdims=True)
        return tf.matmul(scores, v) + (x - mean) * tf.math.rsqrt(variance + 1e-3)


class Branch(Network):
    """Which half runs depends on the input."""

    signature = (floats(1, 8),)

    def build(self):
        self.w = [self.weights(8, 8), self.weights(8, 8)]

    def call(self, x):
        return tf.cond(tf.reduce_sum(x) > 0.0,
                       lambda: tf.nn.relu(tf.matmul(x, self.w[0])), lambda: tf.tanh(tf.matmul(x, self.w[1])))


class Streaming(Network):
    """A frame goes into a buffer of the last five, which a convolution reads."""

    signature = (floats(1, 1, 6),)

    def build(self):
        self.w = self.weights(5, 6, 4)
        self.frames = tf.Variable(tf.zeros([1, 5, 6]), trainable=False)

    def call(self, x):
        frames = tf.concat([self.frames[:, 1:, :], x], axis=1)
        self.frames.assign(frames)
        return tf.nn.relu(tf.nn.conv1d(frames, self.w, 1, "VALID"))


class RecurrentCell(Network):
    """A minimal gated unit whose state is a variable that does not start at zero, and a counter."""

    signature = (floats(1, 5),)

    def build(self):
        self.w = [self.weights(11, 6), self.weights(11, 6)]
        self.state = tf.Variable(self.rng.normal(0, 0.5, [1, 6]).astype("float32"), trainable=False)
        self.count = tf.Variable(tf.zeros([1], tf.int32), trainable=False)

    def call(self, x):
        gate = tf.sigmoid(tf.matmul(tf.concat([x, self.state], 1), self.w[0]))
        fresh = tf.tanh(tf.matmul(tf.concat([x, gate * self.state], 1), self.w[1]))
        self.state.assign(gate * self.state + (1 - gate) * fresh)
        self.count.assign_add([1])
        return {"y": self.state.read_value(), "count": self.count.read_value()}


class DynamicShape(Network):
    """Shapes computed from the input's, as code for any batch does."""

    signature = (floats(None, 6, 4),)

    def build(self):
        self.w = self.weights(4, 5)

    def call(self, x):
        n = tf.shape(x)[0]
        y = tf.matmul(tf.reshape(x, [-1, 4]), self.w)
        y = tf.reshape(y, [n, 6, 5])
        start = tf.fill([n, 1, 5], 0.5)
        spread = tf.broadcast_to(tf.reduce_mean(y, axis=1, keepdims=True), [n, 2, 5])
        return tf.concat([start, y, spread], axis=1)


class FakeQuantized(Network):
    """Quantization-aware training: ranges are in the graph, per channel for the weights."""

    signature = (floats(1, 12, 12, 1),)

    def build(self):
        self.w = [self.weights(3, 3, 1, 8), self.weights(3, 3, 8, 1), self.weights(72, 5)]
        self.b = [self.bias(8), self.bias(8), self.bias(5)]

    def call(self, x):
        def ranged(t, low, high):
            return tf.quantization.fake_quant_with_min_max_args(t, low, high)

        def kernel(w, axes):
            high = tf.reduce_max(tf.abs(w), axes)
            return tf.quantization.fake_quant_with_min_max_vars_per_channel(w, -high, high, narrow_range=True)

        y = ranged(x, -2.0, 2.0)
        y = ranged(tf.nn.relu(tf.nn.conv2d(y, kernel(self.w[0], [0, 1, 2]), 2, "SAME") + self.b[0]), 0.0, 3.0)
        depth = tf.quantization.fake_quant_with_min_max_args(self.w[1], -1.0, 1.0, narrow_range=True)
        y = tf.nn.depthwise_conv2d(y, depth, [1, 2, 2, 1], "SAME")
        y = ranged(tf.nn.relu6(y + self.b[1]), 0.0, 6.0)
        flat = tf.reshape(y, [1, 72])
        w = tf.quantization.fake_quant_with_min_max_args(self.w[2], -0.5, 0.5, narrow_range=True)
        return ranged(tf.matmul(flat, w) + self.b[2], -4.0, 4.0)


NETWORKS = {
    "super_resolution": SuperResolution, "resizing": Resizing, "time_series": TimeSeries, "patterns": Patterns,
    "embedding": Embedding,
    "classifier": Classifier, "masks": Masks, "frontend": Frontend, "attention": Attention, "branch": Branch,
    "streaming": Streaming, "recurrent_cell": RecurrentCell, "dynamic_shape": DynamicShape,
    "fake_quantized": FakeQuantized,
}
